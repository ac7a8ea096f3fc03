"""Photographs with boxes for scripts/prove/finetune_real.sh, in COCO's form.

    photo_scenes.py PHOTOS OUT SPLIT NUMBER

No natural detection set is at hand, so scenes are put together: on a random part of a
photograph one to three ellipses cut out of photographs of PHOTOS (class folders), each
in one class, "object". Writes OUT/SPLIT/NNNN.png, SIDE x SIDE, and OUT/SPLIT.json.
"""
import json
import pathlib
import random
import sys

from PIL import Image, ImageDraw, ImageFilter

SIDE = 96
LEAST, MOST = 14, 48  # Pixels of an object's longer side.
BLUR = 0.7            # Pixels, so that the cut is no razor's edge.


def part_of(path, width, height, draw):
    """A random part of the photograph, at most its half, as width x height pixels."""
    with Image.open(path) as opened:
        photo = opened.convert("RGB")
    scale = draw.uniform(0.5, 1) * min(photo.width / width, photo.height / height)
    w, h = scale * width, scale * height
    x, y = draw.uniform(0, photo.width - w), draw.uniform(0, photo.height - h)
    return photo.resize((width, height), Image.BILINEAR, (x, y, x + w, y + h))


def overlaps(box, others):
    x, y, w, h = box
    return any(x < a + c and a < x + w and y < b + d and b < y + h for a, b, c, d in others)


def free_box(taken, draw):
    """(x, y, width, height) beside the others, or nothing after ten tries."""
    for _ in range(10):
        longer, aspect = draw.uniform(LEAST, MOST), draw.uniform(0.5, 1)
        sides = [round(longer), round(longer * aspect)]
        draw.shuffle(sides)
        box = (draw.randint(0, SIDE - sides[0]), draw.randint(0, SIDE - sides[1]), *sides)
        if not overlaps(box, taken):
            return box
    return None


def paste_object(scene, path, box, draw):
    x, y, w, h = box
    mask = Image.new("L", (w, h))
    ImageDraw.Draw(mask).ellipse((0, 0, w - 1, h - 1), fill=255)
    scene.paste(part_of(path, w, h, draw), (x, y), mask.filter(ImageFilter.GaussianBlur(BLUR)))


def make_scene(photos, draw):
    scene, boxes = part_of(draw.choice(photos), SIDE, SIDE, draw), []
    for _ in range(draw.randint(1, 3)):
        box = free_box(boxes, draw)
        if box:
            paste_object(scene, draw.choice(photos), box, draw)
            boxes.append(box)
    return scene, boxes


def main():
    photos = sorted(pathlib.Path(sys.argv[1]).glob("*/*.JPEG"))
    out, split, number = pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    draw = random.Random(split)
    images, annotations = [], []
    (out / split).mkdir(parents=True)
    for i in range(number):
        scene, boxes = make_scene(photos, draw)
        name = f"{split}/{i:04d}.png"
        scene.save(out / name)
        images.append({"id": i, "file_name": name, "width": SIDE, "height": SIDE})
        for box in boxes:
            annotations.append({"id": len(annotations), "image_id": i, "category_id": 1,
                                "bbox": box, "iscrowd": 0})
    (out / f"{split}.json").write_text(json.dumps({
        "images": images, "annotations": annotations,
        "categories": [{"id": 1, "name": "object"}]}), encoding="utf-8")


main()
