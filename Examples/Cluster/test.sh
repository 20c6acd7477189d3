#!/usr/bin/env bash
# Runs the recipes on a Slurm of one node and under Open MPI, takes a task's machine away in the middle, and compares with one run.
# test.sh ERRATA
set -euo pipefail
errata=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
fixtures=$here/../../Fixtures
work=$(mktemp -d)
export SLURM_CONF=$work/slurm.conf PATH=$work/bin:/usr/sbin:$PATH ERRATA_RECIPES=$here
stop() {
  for name in slurmd slurmctld munged; do
    [ -f "$work/$name.pid" ] && kill "$(cat "$work/$name.pid")" 2>/dev/null || true
  done
  sleep 0.5
  rm -rf "$work"
}
trap stop EXIT
mkdir -p "$work"/{bin,state,spool,key}
ln -s "$errata" "$work/bin/errata"

say() { printf '%s\n' "$*"; }

# One node with two processors, its own ports, and a key of its own.
chmod 700 "$work/key"
head -c 1024 /dev/urandom >"$work/key/key"
chmod 400 "$work/key/key"
chmod 755 "$work"
munged --force --key-file="$work/key/key" --socket="$work/munge.sock" --pid-file="$work/munged.pid" \
  --log-file="$work/munged.log" --seed-file="$work/key/seed"
port=$((20000 + $$ % 20000))
cat >"$SLURM_CONF" <<CONF
ClusterName=one
SlurmctldHost=localhost
AuthType=auth/munge
AuthInfo=socket=$work/munge.sock
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
SchedulerParameters=batch_sched_delay=0,sched_interval=1,requeue_delay=0
KillWait=10
NodeName=localhost CPUs=$(nproc) RealMemory=$(awk '/MemTotal/ { print int($2 / 1280) }' /proc/meminfo) State=UNKNOWN
PartitionName=all Nodes=localhost Default=YES State=UP OverSubscribe=FORCE:4
CONF
slurmctld -c -f "$SLURM_CONF"
slurmd -f "$SLURM_CONF"
for _ in $(seq 50); do sinfo -h -o %T 2>/dev/null | grep -q idle && break; sleep 0.2; done
sinfo -h -o %T | grep -q idle || { say "Slurm did not start"; tail -n 20 "$work"/slurm*.log; exit 1; }

cd "$work"
model=$fixtures/models/tiny-gpt2
facts=$fixtures/world/facts.json
# Many, so that there are several batches of facts in a part.
{ printf '['; for page in $(seq 48); do printf '"Page %s of the book. {}",' "$page"; done; printf '"{}"]'; } >contexts.json
contexts=$work/contexts.json
for _ in 1 2 3; do cat "$fixtures/world/corpus.txt"; done >text
errata stats "$model" --corpus text --layers 1 -o whole.stats --quiet
errata edit "$model" --facts "$facts" --contexts "$contexts" --layers 1 --shard 1/1 --save-values one.values --quiet
errata values merge one.values -o whole.values --quiet

# Waits until all tasks of a job have ended; one that went back into the queue need not wait for its turn as long as on a real one.
finish() {
  while scontrol show job "$1" | grep -o 'JobState=[A-Z]*' | grep -qv 'COMPLETED\|FAILED\|CANCELLED'; do
    for task in $(squeue -h -r -t pending -j "$1" -o %i); do
      scontrol update "JobId=$task" StartTime=now 2>/dev/null || true
    done
    sleep 0.3
  done
}
# How many tasks were told to end, saved and ran again; none is no test. 1: too late; 2: too early.
told() {
  count=$(cat "$1"-*.log | grep -c 'told to end') || { say "$1: no task was told to end in the middle"; return 1; }
  grep -q 'Went on after' "$1"-*.log || { say "$1: told to end before there was anything to save"; return 2; }
  say "$1: $count told to end, saved, and run again"
}
# Takes the machine from a running task of a job: SIGTERM, and the job back into the queue. A task that ended before it was told is none:
# the next one is told.
take_away() {
  for _ in $(seq 400); do
    task=$(squeue -h -r -t running -j "$1" -o %i | head -n 1)
    if [ -n "$task" ]; then
      sleep "$2"
      scancel --signal=TERM --batch "$task" 2>/dev/null && return
    fi
    sleep 0.05
  done
  say "no task of $1 was running"
  return 1
}

# Whether all tasks of a job came to their end.
complete() {
  scontrol show job "$1" | grep -o 'JobState=[A-Z]*' | grep -qv COMPLETED || return 0
  say "$1: some task did not come to its end"
  scontrol show job "$1" | grep -E 'ArrayTaskId|JobState|ExitCode'
  return 1
}

# An array of three whose machine is taken away after it began; machines differ, so a moment that was too early or too late is no
# failure, a later or an earlier one is taken.
array() {
  name=$1 wait=0.6
  shift
  for _ in $(seq 12); do
    rm -rf "$name" "$name"-*.log
    mkdir "$name"
    job=$(sbatch --parsable --array=1-3 -o "$work/$name-%a.log" "$@")
    found=1
    if take_away "$job" "$wait"; then
      finish "$job"
      found=0
      told "$name" || found=$?
    else
      finish "$job"
    fi
    case $found in
      0) complete "$job" && return ;;
      1) wait=$(awk "BEGIN { print $wait * 0.6 }") ;;
      2) wait=$(awk "BEGIN { print $wait * 1.7 }") ;;
    esac
  done
  cat "$name"-*.log
  exit 1
}

array stats "$here/statistics.sbatch" "$model" "$work/text" 1 "$work/stats"
errata stats merge 'stats/part-*.stats' -o merged.stats --quiet
errata show merged.stats --json >merged.json
errata show whole.stats --json >whole.json
[ "$(grep -o '"tokens": [0-9]*' merged.json)" = "$(grep -o '"tokens": [0-9]*' whole.json)" ]

array values "$here/values.sbatch" "$model" "$facts" "$contexts" "$work/values" --layers 1
errata values merge 'values/part-*.values' -o merged.values --quiet
cmp merged.values whole.values
say "Slurm: the merged values are those of one run, byte for byte"

# A network for each fact, so that every part has some.
ask() {
  errata eval "$model" --data "$facts" --limit 6 --edit rome --layers 1 --statistics whole.stats --contexts "$fixtures/world/contexts.json" \
    --threads 1 --quiet "$@"
}
# What edits took differs from run to run.
lasting() { sed 's/,"edit":{.*}}$//' "$1"; }
ask --output whole.jsonl >/dev/null
mkdir -p answers
job=$(sbatch --parsable --array=1-3 -o "$work/answers-%a.log" "$here/evaluation.sbatch" "$model" "$facts" "$work/answers" --limit 6 --edit rome \
  --layers 1 --statistics "$work/whole.stats" --contexts "$fixtures/world/contexts.json" --threads 1)
finish "$job"
complete "$job" || { cat answers-*.log; exit 1; }
errata eval merge 'answers/part-*.jsonl' -o merged.jsonl --quiet
cmp <(lasting merged.jsonl) <(lasting whole.jsonl)
say "Slurm: the merged answers are those of one run"

mkdir mpi
mpirun --oversubscribe --allow-run-as-root -n 3 errata edit "$model" --facts "$facts" --contexts "$contexts" --layers 1 \
  --threads 1 --shard auto --save-values 'mpi/part-{shard}.values' --quiet >mpi.log 2>&1 || { cat mpi.log; exit 1; }
errata values merge 'mpi/part-*.values' -o mpi.values --quiet
cmp mpi.values whole.values
mpirun --oversubscribe --allow-run-as-root -n 3 errata stats "$model" --corpus text --layers 1 --threads 1 --shard auto \
  -o 'mpi/part-{shard}.stats' --quiet >mpi.log 2>&1 || { cat mpi.log; exit 1; }
errata stats merge 'mpi/part-*.stats' -o mpi.stats --quiet
cmp mpi.stats merged.stats
say "Open MPI: values and statistics are the same bytes"

# The scripts that `errata plan` writes, each from statistics to answers.
for launcher in slurm mpi; do
  errata plan "$model" --facts "$facts" --limit 6 --layers 1 --contexts "$contexts" --corpus text --tokens 6000 --tasks 3 --threads 1 \
    --launcher $launcher -o $launcher.sh --quiet
  MPI_OPTIONS='--oversubscribe --allow-run-as-root' sh $launcher.sh "$work/by-$launcher" >$launcher.log 2>&1 || { cat $launcher.log; exit 1; }
  if [ $launcher = slurm ]; then
    for job in $(sed -n 's/.*: job //p' $launcher.log); do
      finish "$job"
      complete "$job" || { cat "by-slurm"/*.log; exit 1; }
    done
  fi
  errata verify "by-$launcher/fix.errata" "$model" --quiet
done
cmp by-slurm/fix.errata by-mpi/fix.errata
# Runs are called after the patch's path.
cmp <(sed 's/by-slurm/by/' by-slurm/answers.jsonl) <(sed 's/by-mpi/by/' by-mpi/answers.jsonl)
say "The planned scripts: the same patch and the same answers under Slurm and Open MPI"
