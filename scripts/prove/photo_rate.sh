#!/usr/bin/env bash
# The training path runs at 0.9 of the rate of a bare libjpeg-turbo loop or
# more, and at 3.5 times that of torchvision's loader. Wants an idle machine.
. "$(dirname "$0")/prelude.sh"
"$ROOT/scripts/bench/data_photo.sh" | tee "$WORK/out"
python3 - "$WORK/out" <<'PY'
import json, statistics, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
bare = statistics.median(l["median"] for l in lines
                         if l["name"] == "data.photo.path_over_bare")
peers = {l["workers"]: l["voxlift_ratio_img_s"] for l in lines
         if l["name"] == "data.photo.imagefolder"}
print(f"photo_rate: {bare:.3f} of a bare decoder (want 0.9), of torchvision's "
      f"with 0, 1, 2 workers {peers[0]}, {peers[1]}, {peers[2]} (want 3.5)")
sys.exit(bare < 0.9 or min(peers.values()) < 3.5)
PY
