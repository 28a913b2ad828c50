#!/usr/bin/env bash
# The labelling page in a real browser, headless: a run asks for labels, a person's keys answer them on its label.html, the
# page is loaded again in the middle, its file is given to `label`, and the run goes on. Skipped by name where there is no
# Chromium or no Python. usage: tests/apps/label/label_page.sh BUILD_DIRECTORY
set -euo pipefail
build=$(cd "${1:?usage: $0 BUILD_DIRECTORY}" && pwd)
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$browser" ] || { echo "label_page: skipped: there is no Chromium"; exit 77; }
command -v python3 > /dev/null || { echo "label_page: skipped: there is no python3"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export CRC_DEVICE=cpu OMP_NUM_THREADS=1 HOME=$work
fail() { echo "label_page: $*" >&2; exit 1; }
expect() { local code=0; "${@:2}" > words 2>&1 || code=$?; [ $code = "$1" ] || { cat words >&2; fail "ended with $code instead of $1: ${*:2}"; }; }

# 40 images of which 10 have a label; names that a CSV must quote.
"$build/crc_train" data make made --set data.name=street_digits --set data.train_size=40 --set data.test_size=10 > /dev/null
python3 - <<'PY'
import pathlib, struct, zlib
def png(rgb):  # [16*16*3]
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + rgb[y * 48:(y + 1) * 48] for y in range(16))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
out = pathlib.Path("images"); out.mkdir()
rows, truth, seen = ["path,label,split"], {}, set()
for k, part in enumerate(sorted(pathlib.Path("made").glob("data_batch_*.bin")) ):
    data = part.read_bytes()
    for i in range(len(data) // 769):
        record = data[i * 769:(i + 1) * 769]
        planes = record[1:]
        name = f'a "{k}", {i}.png'
        (out / name).write_bytes(png(bytes(planes[c * 256 + p] for p in range(256) for c in range(3))))
        label = f"digit, {record[0]}"
        truth[name] = label
        first = label not in seen
        seen.add(label)
        rows.append('"%s",%s,train' % (name.replace('"', '""'), f'"{label}"' if first else ""))
(out / "labels.csv").write_text("\n".join(rows) + "\n")
import json; json.dump(truth, open("truth.json", "w"))
PY
net=(--set model.depth=10 --set model.width=1 --set model.base_channels=8 --set model.first_stride=2 --set ssl.batch=4
     --set ssl.mu=1 --set ssl.epochs=1 --set ssl.steps_per_epoch=2 --set ssl.patience_epochs=0)
expect 10 "$build/crc_train" run cifar10 --out run --quiet "${net[@]}" --set data.name=folder --set data.dir=images \
  --set acquisition.first=given --set acquisition.budget=12 --set acquisition.group_size=3 --set acquisition.rounds=1
grep -q "label.html in a browser" words || { cat words; fail "the run does not name its page"; }
page=run/rounds/00/label.html
[ -f $page ] || fail "there is no $page"

# $1: script that runs in the page when it is loaded; what it puts into <pre id=out> is printed.
drive() {
  python3 - "$1" <<'PY'
import pathlib, sys
page = pathlib.Path("run/rounds/00/label.html").read_text()
script = "<pre id=out></pre><script>const truth=" + open("truth.json").read() + """;
const key = (k, more = {}) => document.dispatchEvent(new KeyboardEvent("keydown", {key: k, bubbles: true, cancelable: true, ...more}));
const check = (what, right) => { if (!right) out.textContent += "WRONG: " + what + "\\n"; };
const out = document.getElementById("out");
const status = () => document.getElementById("status").textContent;
const right = () => key(kKeys[task.classes.indexOf(truth[task.items[current].file])]);
""" + sys.argv[1] + "</script>"
pathlib.Path("driven.html").write_text(page.replace("</body>", script + "</body>"))
PY
  timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/profile" \
    --virtual-time-budget=4000 --dump-dom "file://$work/driven.html" > dom 2> browser.log || { tail -5 browser.log >&2; fail "the browser ended with $?"; }
  python3 -c 'import html,re; print(html.unescape(re.search(r"<pre id=\"?out\"?>(.*?)</pre>", open("dom").read(), re.S).group(1)), end="")'
}
expect_words() { [ "$1" = "$2" ] || fail "the page says: $1; expected: $2"; }

# Five right, one wrong that is undone, one unsure; a key that is no class changes nothing.
expect_words "$(drive '
check("begins empty", status() === "0 of 12 labelled, 12 to go");
check("a picture", document.getElementById("image").complete);
for (let k = 0; k < 5; ++k) right();
key("z"); key("Enter"); key("1", {ctrlKey: true});
check("five", status() === "5 of 12 labelled, 7 to go");
key("1"); key("Backspace");
check("undone", status() === "5 of 12 labelled, 7 to go" && current === 5);
key("/");
check("unsure is no label", status() === "5 of 12 labelled, 6 to go");
check("guesses are hidden", document.getElementById("guessed").hidden && !document.getElementById("guess").hidden);
key("?");
check("guesses are shown when asked for", !document.getElementById("guessed").hidden && /%/.test(document.getElementById("guessed").textContent));
check("neighbours", document.querySelectorAll("#near img").length === 3);
out.textContent += status();')" "5 of 12 labelled, 6 to go"

# Loaded again: nothing is lost. The rest, and the unsure one again; the file.
drive '
check("kept", status() === "5 of 12 labelled, 6 to go" && current === 6);
while (seen() < 12) right();
show(5); right();
check("all", status() === "12 of 12 labelled, done");
out.textContent += csv();' > labels.csv
grep -q WRONG labels.csv && { cat labels.csv >&2; fail "the page is wrong"; }
[ "$(wc -l < labels.csv)" = 13 ] || { cat labels.csv >&2; fail "labels.csv has not 12 rows"; }
expect 0 "$build/crc_train" label run labels.csv
python3 - <<'PY'
import csv, json
truth = json.load(open("truth.json"))
rows = list(csv.DictReader(open("labels.csv")))
assert all(row["class"] == truth[row["file"]] for row in rows), rows
ledger = {e["item"]: e["class"] for e in map(json.loads, open("run/labels.jsonl"))}
classes = sorted(set(truth.values()))
assert all(classes[ledger[int(row["item"])]] == row["class"] for row in rows), ledger
PY
# A class that is called as a button without a class is that class, and the button says so; of many classes the last ones
# given come first, and the photograph is shown with the part that the network sees.
cp $page asked.html
sed -i 's/"key":"crc/"key":"other/; s/"classes":\[[^]]*\]/"classes":["unsure","skip",'"$(seq -s, -f '"c%g"' 200)"']/; s/"item":[0-9]*,/&"photo":"data:image\/png;base64,AA==","part":[0.25,0,0.5,1],/g' $page
expect_words "$(drive '
check("the button", document.getElementById("unsure").textContent === "/unsure (no class)" && document.getElementById("skip").textContent === "spaceskip (no class)");
check("none is none", document.getElementById("none").textContent === "-none of these");
check("many", document.getElementById("classes").classList.contains("many") && !document.getElementById("find").hidden);
shown[100].click(); shown[50].click();
check("the last ones first", shown[0].textContent === "c48" && shown[1].textContent === "c99" && shown[2].textContent === "unsure" && shown.length === 202);
check("the photograph", document.getElementById("image").src.startsWith("data:image/png;base64,AA") && !document.getElementById("part").hidden);
check("its part", document.getElementById("part").style.left === "25%" && document.getElementById("part").style.width === "50%");
check("what the model sees", !document.getElementById("seen").hidden && /16 pixels/.test(document.getElementById("seen").textContent));
out.textContent += status();')" "2 of 12 labelled, 10 to go"
mv asked.html $page
expect 0 "$build/crc_train" resume run --quiet
[ -f run/rounds/01/label.html ] && fail "a round without a query has a page"
echo "label_page: fine"
