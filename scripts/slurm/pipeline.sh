#!/usr/bin/env bash
# Submits a chain of dependent jobs, from raw files to a score:
#
#   scripts/slurm/pipeline.sh [-n] FILE         -n: show, submit nothing
#
# FILE has one job on each line: a stage and its arguments; "#" begins a comment
# line. `sbatch` sets the sbatch options of the lines below it.
#
#   sbatch    -N 2 --ntasks-per-node=4
#   pack      --source /raw/in --layout imagenet --split train --out /sh/train
#   pack      --source /raw/in --layout imagenet --split val --out /sh/val
#   sbatch    -N 2 --ntasks-per-node=4 --gpus-per-node=4 --time=12:00:00
#   pretrain  --config a.cfg --data.train /sh/train --run.out /runs/a
#   finetune  --config b.cfg --init.weights /runs/a --run.out /runs/b
#   evaluate  --checkpoint /runs/b --data /sh/scans-val --json /runs/b/scores.json
#
# Lines of the same stage run side by side; each stage waits until all jobs of
# the stage before have ended well (afterok). If one fails, those that wait for
# it leave the queue. A requeued job keeps its number, so the chain holds; a
# follow-up job (life_cycle.sh) breaks it: submit the rest again, stages that are
# done say so and end at once. Prints one line a job: number, stage, arguments.
set -euo pipefail
folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export VOXLIFT_HOME=${VOXLIFT_HOME:-$(cd "$folder/../.." && pwd)}
dry_run=0
if [ "${1:-}" = -n ]; then
  dry_run=1
  shift
fi
file=${1:?"usage: pipeline.sh [-n] FILE"}

fail() {
  echo "pipeline.sh: $*" >&2
  exit 2
}

# submit STAGE DEPENDENCIES ARGUMENT...: prints the job's number.
submit() {
  local stage=$1 after=$2 options=("${sbatch_options[@]}")
  shift 2
  [ -z "$after" ] || options+=(--dependency="afterok:$after" --kill-on-invalid-dep=yes)
  if [ $dry_run = 1 ]; then
    echo "($stage)"
    echo "sbatch ${options[*]} $folder/$stage.sbatch $*" >&2
  else
    sbatch --parsable "${options[@]}" "$folder/$stage.sbatch" "$@" | cut -d';' -f1
  fi
}

[ -r "$file" ] || fail "cannot read '$file'"
sbatch_options=()
stage_before='' after='' this_stage=''
number=0
while IFS= read -r line || [ -n "$line" ]; do
  number=$((number + 1))
  mapfile -t words < <(grep -v '^[[:space:]]*\(#\|$\)' <<<"$line" | xargs -n 1 printf '%s\n')
  [ ${#words[@]} -gt 0 ] && [ -n "${words[0]}" ] || continue
  stage=${words[0]}
  case $stage in
    sbatch)
      sbatch_options=("${words[@]:1}")
      continue
      ;;
    pack | pretrain | finetune | evaluate) ;;
    *) fail "$file:$number: unknown stage '$stage', expected sbatch, pack, pretrain, finetune or evaluate" ;;
  esac
  if [ "$stage" != "$stage_before" ]; then
    after=$this_stage this_stage='' stage_before=$stage
  fi
  job=$(submit "$stage" "$after" "${words[@]:1}")
  this_stage=${this_stage:+$this_stage:}$job
  echo "$job $stage ${words[*]:1}"
done <"$file"
[ -n "$this_stage" ] || fail "'$file' names no job"
