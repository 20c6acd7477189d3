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
    # By its place in the array: one task has the number of the whole array, and that number puts all of them back.
    scontrol requeue "${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_}${SLURM_ARRAY_TASK_ID:-${SLURM_JOB_ID:?}}"
  fi
  exit "$status"
}
