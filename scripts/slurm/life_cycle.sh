# Sourced by the job scripts of this folder: what a job does around its command
# so that nothing is lost. Bash; `life_cycle ARGUMENTS...` is all they call.
#
#   the time limit ahead    SLURM sends USR1 (#SBATCH --signal=B:USR1@120): the
#   or a preemption         ranks write a checkpoint and end with 75; the job is
#                           put into the queue again
#   a rank is lost          voxlift-launch starts the ranks again from the newest
#                           checkpoint, MAX_RESTARTS times in a row
#   that did not help       the job is put into the queue again, as a host may be
#                           bad; without a new checkpoint at most 3 times
#   a node is lost          SLURM requeues the job itself
#   scancel                 ends the job: it is not requeued
#   any other exit code     ends the job with that code
#
# Where `scontrol requeue` is refused or missing, a follow-up job of the same
# script and arguments is submitted (--dependency=afterany). Every way counts
# towards MAX_REQUEUES. Whatever runs must go on from what it finds: train does,
# by --run.out; the other commands do their work again.
#
# Environment: VOXLIFT_HOME (source folder; default: where sbatch was called),
# VOXLIFT_BIN (folder of the programs), MAX_RESTARTS (3), MAX_REQUEUES (100),
# GRACE_S (100: how long the ranks may take for the last checkpoint),
# LAUNCH_OPTIONS (further options of voxlift-launch: "--bind numa --interface ib0").

readonly kAgain=75 kLost=5
readonly kMaxIdleRequeues=3
VOXLIFT_HOME=${VOXLIFT_HOME:-$SLURM_SUBMIT_DIR}
bin=${VOXLIFT_BIN:-$VOXLIFT_HOME/build/cpu-release/bin}
# Starts of this job before this one; of the jobs that it follows, too.
slurm_restarts=${SLURM_RESTART_COUNT:-0}
restarts=$((slurm_restarts + ${VOXLIFT_RESTARTS_BEFORE:-0}))
job_script=$0

say() {
  printf '%(%F %T)T %s: job %s, restart %s: %s\n' -1 "$SLURM_JOB_NAME" \
    "$SLURM_JOB_ID" "$restarts" "$*" >&2
}

# The task of an array has a name of its own: its job number may be that of the
# whole array.
job_name_for_scontrol() {
  if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    echo "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
  else
    echo "$SLURM_JOB_ID"
  fi
}

# scontrol_value KEY: of this job, "" if scontrol does not answer.
scontrol_value() {
  scontrol --oneliner show job "$(job_name_for_scontrol)" 2>/dev/null |
    tr ' ' '\n' | sed -n "s/^$1=//p" | head -n 1
}

# Seconds since 1970 at which the time limit strikes; 0: none, or not known.
end_of_job() {
  local when
  when=$(squeue --noheader --jobs "$(job_name_for_scontrol)" --format %e 2>/dev/null)
  date --date "$when" +%s 2>/dev/null || echo 0
}

# newest_checkpoint ARGUMENT...: of the --run.out in there; "" if there is none.
newest_checkpoint() {
  local out=
  while [ $# -gt 0 ]; do
    case $1 in
      --run.out) out=${2:-} ;;
      --run.out=*) out=${1#*=} ;;
    esac
    shift
  done
  [ -z "$out" ] || find "$out/checkpoints" -maxdepth 1 -name 'step_*[0-9]' \
    -printf '%f\n' 2>/dev/null | sort | tail -n 1
}

# A requeued job numbers its steps from 0 again, and a step of the run before
# may still be dying on a node under that number. Use the numbers up.
use_up_step_numbers() {
  local i
  for ((i = 0; i < slurm_restarts; i++)); do
    srun --nodes=1 --ntasks=1 --overlap --mpi=none true || true
  done
}

# run_ranks ARGUMENT...: voxlift-launch to its end; returns its exit code. Only
# this shell hears of the time limit ahead, and the launcher turns the signal
# into a checkpoint on all ranks. CONT is not trapped: SLURM sends it just
# before the others, and bash may lose a signal that comes during its trap.
terminated=0
launcher=
run_ranks() {
  local code=0
  trap 'say "USR1: stopping"; kill -USR1 "$launcher" 2>/dev/null' USR1
  trap 'terminated=1; say "TERM: stopping"; kill -TERM "$launcher" 2>/dev/null' TERM
  use_up_step_numbers
  # shellcheck disable=SC2086  # Several words.
  "$bin/voxlift-launch" --max-restarts "${MAX_RESTARTS:-3}" \
    --grace "${GRACE_S:-100}" ${LAUNCH_OPTIONS:-} -- "$@" &
  launcher=$!
  while :; do # wait returns early on every signal.
    wait "$launcher"
    code=$?
    kill -0 "$launcher" 2>/dev/null || break
  done
  trap '' USR1 # Nothing is left to stop.
  trap 'terminated=1' TERM
  return $code
}

# TERM reaches this shell when SLURM ends the job: by scancel, by the time limit,
# or to requeue it. The states look the same; these do not.
was_requeued_by_slurm() {
  local count
  count=$(scontrol_value Restarts)
  [ -n "$count" ] && [ "$count" != "$slurm_restarts" ]
}

was_cancelled() { # END_OF_JOB
  [ $terminated = 1 ] || return 1
  [ "$1" = 0 ] || [ "$(date +%s)" -lt $(($1 - 2)) ]
}

# submit_follow_up ARGUMENT...: the same job again, once this one has ended.
submit_follow_up() {
  local options=(--dependency="afterany:$SLURM_JOB_ID" --open-mode=append
    --job-name="$SLURM_JOB_NAME" --nodes="$SLURM_JOB_NUM_NODES"
    --partition="$SLURM_JOB_PARTITION" --chdir="$PWD")
  local value
  for value in SLURM_NTASKS:--ntasks SLURM_NTASKS_PER_NODE:--ntasks-per-node \
    SLURM_CPUS_PER_TASK:--cpus-per-task SLURM_GPUS_PER_NODE:--gpus-per-node \
    SLURM_JOB_ACCOUNT:--account SLURM_JOB_QOS:--qos; do
    local name=${value%%:*}
    [ -z "${!name:-}" ] || options+=("${value#*:}=${!name}")
  done
  value=$(squeue --noheader --jobs "$SLURM_JOB_ID" --format %l 2>/dev/null)
  [ -z "$value" ] || options+=(--time="$value")
  value=$(scontrol_value StdOut)
  [ -z "$value" ] || options+=(--output="$value")
  VOXLIFT_RESTARTS_BEFORE=$((restarts + 1)) sbatch --parsable "${options[@]}" \
    "$job_script" "$@"
}

# SLURM ends this script, which must not end before.
await_the_end() {
  local i
  for ((i = 0; i < 600; i++)); do
    sleep 1
  done
  exit 1
}

# run_again REASON ARGUMENT...: the job goes on later. Does not return unless it
# cannot.
run_again() {
  local reason=$1 follower
  shift
  if [ "$restarts" -ge "${MAX_REQUEUES:-100}" ]; then
    say "$reason; not again: MAX_REQUEUES is ${MAX_REQUEUES:-100}"
    return
  fi
  if scontrol requeue "$(job_name_for_scontrol)"; then
    say "$reason; requeued"
    await_the_end
  fi
  if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    say "$reason; scontrol cannot requeue it: submit the task again"
  elif follower=$(submit_follow_up "$@"); then
    say "$reason; job $follower goes on"
  else
    say "$reason; neither scontrol nor sbatch took it: submit it again"
  fi
}

# life_cycle COMMAND ARGUMENT...: runs `voxlift COMMAND ARGUMENT...` on the job's
# tasks and ends the job. $job_arguments: of the script, for a follow-up job.
job_arguments=("$@")
life_cycle() {
  local code=0 end before
  end=$(end_of_job)
  before=$(newest_checkpoint "$@")
  run_ranks "$@" || code=$?
  if was_requeued_by_slurm; then
    say "ended with $code; SLURM has requeued it"
    await_the_end
  elif was_cancelled "$end"; then
    say "ended with $code by scancel"
  elif [ $code -eq $kAgain ]; then
    run_again "stopped with a checkpoint" "${job_arguments[@]}"
  elif [ $code -eq $kLost ] && { [ "$restarts" -lt $kMaxIdleRequeues ] ||
    [ "$(newest_checkpoint "$@")" != "$before" ]; }; then
    run_again "ranks were lost" "${job_arguments[@]}"
  fi
  say "ended with $code"
  exit $code
}
