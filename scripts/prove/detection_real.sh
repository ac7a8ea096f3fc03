#!/usr/bin/env bash
# Lesions in brain MR (the shared data's lgg_flair: 15 patients): a narrow
# MP3D-FPN trained from scratch and from a detector of generated pictures, the
# same configuration but for --init.weights, on 1 and on 2 ranks (equal bits), for
# SEEDS. The mean score of each beats a trivial detector (constant boxes).
. "$(dirname "$0")/prelude.sh"
. "$(dirname "$0")/mpi_env.sh"
python=${PYTHON:-/usr/bin/python3}
DATA=$SHARED/data/medical/lgg_flair
SEEDS=${SEEDS:-1 2 3}
EPOCHS=${EPOCHS:-30}
[ -d "$DATA" ] || { echo "$NAME: no $DATA: set VOXLIFT_SHARED" >&2; exit 2; }
"$python" -c 'import nibabel, scipy' || {
	echo "$NAME: needs Debian's python3-nibabel, python3-scipy" >&2
	exit 2
}
trivial=$("$python" "$ROOT/scripts/prove/detection_real.py" "$DATA" "$WORK")
"$BIN/voxlift" synth boxes --out "$WORK/squares" --train 120 --val 8 --size 96 >/dev/null 2>&1
for split in train val; do
	"$BIN/voxlift" pack --source "$WORK/$split.json" --layout manifest \
		--out "$WORK/lgg_$split" >/dev/null 2>&1
	"$BIN/voxlift" pack --source "$WORK/squares/$split.json" --layout coco \
		--out "$WORK/squares_$split" >/dev/null 2>&1
done

# detect OUT RANKS DATA [OPTION...]
detect() {
	local out=$1 ranks=$2 data=$3
	shift 3
	"$BIN/voxlift-launch" -n "$ranks" -- train \
		--config "$ROOT/configs/prove_detection_real.cfg" --run.out "$out" \
		--data.train "${data}_train" --data.val "${data}_val" \
		--run.epochs "$EPOCHS" "$@" >>"$out.log" 2>&1
}

detect "$WORK/squares_run" 2 "$WORK/squares" --run.epochs 10 \
	--model.conversion center_crop --slices.num_slices 3 --run.seed 1 --slices.interval_mm 0 \
	--schedule.milestones 8
squares=$(ls -d "$WORK"/squares_run/checkpoints/step_* | tail -1)

score() { "$python" -c 'import json, sys; print("%.4f" % json.load(open(sys.argv[1]))["scores"][sys.argv[2]])' "$1/result.json" "$2"; }

equal=0 runs=0
for seed in $SEEDS; do
	for start in scratch squares; do
		from=
		[ $start = scratch ] || from=$squares
		for ranks in 1 2; do
			detect "$WORK/$start.$seed.$ranks" $ranks "$WORK/lgg" --run.seed "$seed" --init.weights "$from"
		done
		runs=$((runs + 1))
		cmp -s "$WORK/$start.$seed."{1,2}/result.json && equal=$((equal + 1))
		echo "$start seed $seed: sensitivity_mean $(score "$WORK/$start.$seed.1" sensitivity_mean)," \
			"at 1 $(score "$WORK/$start.$seed.1" sensitivity_1), map50 $(score "$WORK/$start.$seed.1" map50)" | tee -a "$WORK/scores"
	done
done
"$python" - "$WORK/scores" "$trivial" "$equal" "$runs" <<'END'
import statistics
import sys
scores = {"scratch": [], "squares": []}
for line in open(sys.argv[1]):
    words = line.replace(",", "").replace(":", "").split()
    scores[words[0]].append(float(words[4]))
trivial, equal, runs = float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
text = [f"{name} {statistics.mean(s):.3f} ({min(s):.3f} to {max(s):.3f})" for name, s in scores.items()]
print(f"detection_real: sensitivity_mean {', '.join(text)}, constant boxes {trivial:.3f};"
      f" {equal} of {runs} pairs of 1 and 2 ranks have equal scores")
sys.exit(0 if equal == runs and min(map(statistics.mean, scores.values())) > trivial else 1)
END
