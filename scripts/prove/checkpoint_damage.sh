#!/usr/bin/env bash
# checkpoint_damage.sh [N]: one bit at each of N (1,000) random positions of a
# checkpoint that two ranks have written, all four files in turn: `voxlift
# verify` names the file each time, and a resumed run goes back to the
# checkpoint before.
. "$(dirname "$0")/prelude.sh"
COUNT=${1:-1000}
small_world
tiny_run "$WORK/run" 2 --checkpoint.align_kb 16
python3 - "$BIN/voxlift" "$WORK/run/checkpoints/step_00000020" "$COUNT" <<'EOF'
import os, random, subprocess, sys

program, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
names = sorted(os.listdir(folder))
random.seed(1)
found = dict.fromkeys(names, 0)
tried = dict.fromkeys(names, 0)


def flip(path, position, bit):
    with open(path, "r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1 << bit]))


for i in range(count):
    name = names[i % len(names)]
    path = os.path.join(folder, name)
    position, bit = random.randrange(os.path.getsize(path)), random.randrange(8)
    flip(path, position, bit)
    result = subprocess.run([program, "verify", folder], capture_output=True, text=True, errors="replace")
    tried[name] += 1
    if result.returncode == 3 and name in result.stdout:
        found[name] += 1
    else:
        print(f"not found: {name} byte {position} bit {bit}: {result}")
    flip(path, position, bit)
for name in names:
    print(f"{name}: {found[name]} of {tried[name]} flips found")
good = subprocess.run([program, "verify", folder]).returncode
sys.exit(0 if good == 0 and found == tried else 1)
EOF
# The newest one damaged: the run goes on from the one before it.
before=$(weights_digest "$WORK/run" 20)
printf 'x' | dd of="$WORK/run/checkpoints/step_00000020/optimizer.safetensors" bs=1 seek=5000 conv=notrunc status=none
rm "$WORK/run/result.json"
tiny_run "$WORK/run" 2 --checkpoint.align_kb 16
grep -q "checkpoint of step 20 is damaged" "$WORK/run.log"
[ "$(weights_digest "$WORK/run" 20)" = "$before" ]
echo "checkpoint_damage: each of $COUNT flipped bits is found, in all four files; a run goes back behind a damaged checkpoint to the same bits"
