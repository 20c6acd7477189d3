# again COMMAND...: runs a command, hands SIGTERM on to it, and where it ends with 75 – saved, run me again – puts the job into the
# queue again. Slurm keeps a copy of a batch script elsewhere; ERRATA_RECIPES says where this file lies.
again() {
  "$@" &
  task=$!
  trap 'kill -TERM "$task" 2>/dev/null' TERM
  wait "$task"
  status=$?
  # A trapped signal ends the first wait before the command has saved.
  while kill -0 "$task" 2>/dev/null; do
    wait "$task"
    status=$?
  done
  if [ "$status" -eq 75 ]; then
    scontrol requeue "${SLURM_JOB_ID:?}"
  fi
  exit "$status"
}
