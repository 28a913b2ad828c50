#!/usr/bin/env bash
# The report in a real browser, headless, as wide as a phone and as a desk: nothing beyond the edge, no text of a chart too
# small, values under the pointer, tables that sort, pages of a run that goes on. Skipped by name where there is no Chromium.
# usage: tests/apps/report/report_page.sh BUILD_DIRECTORY
set -euo pipefail
build=$(cd "${1:?usage: $0 BUILD_DIRECTORY}" && pwd)
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$browser" ] || { echo "report_page: skipped: there is no Chromium"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export CRC_DEVICE=cpu OMP_NUM_THREADS=1 HOME=$work
fail() { echo "report_page: $*" >&2; exit 1; }

"$build/crc_train" run --out run --quiet --set data.name=street_digits --set data.train_size=200 --set data.test_size=60 \
  --set model.depth=10 --set model.width=1 --set model.base_channels=8 --set model.first_stride=2 --set ssl.batch=4 --set ssl.mu=1 \
  --set ssl.epochs=3 --set ssl.steps_per_epoch=3 --set acquisition.initial=20 --set acquisition.budget=20 --set acquisition.rounds=2

# What a reader sees and does, as one line of the page's text.
cat > probe.html <<'PROBE'
<script>addEventListener("load", () => {
  const seen = element => element.getClientRects().length > 0;
  const texts = [...document.querySelectorAll("figure svg text")].filter(seen);
  const size = text => parseFloat(text.getAttribute("font-size")) * text.ownerSVGElement.getBoundingClientRect().width
                       / text.ownerSVGElement.viewBox.baseVal.width;
  const rect = [...document.querySelectorAll("rect.hint")].find(seen), box = rect.getBoundingClientRect();
  rect.dispatchEvent(new PointerEvent("pointermove", {clientX: box.left + 3, clientY: box.top + 3}));
  const table = document.querySelector("#mistakes table"), heading = table.querySelectorAll("th")[1];
  const column = () => [...table.querySelectorAll("tbody tr")].map(row => parseFloat(row.children[1].textContent));
  heading.click();
  const up = column();
  heading.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter"}));
  const down = column(), sorted = [...up].sort((a, b) => a - b);
  const facts = {width: innerWidth, fits: document.documentElement.scrollWidth <= innerWidth,
                 smallest: Math.min(...texts.map(size)) >= 9.5, charts: texts.length > 20,
                 hint: document.querySelector(".tip").textContent.split("\n")[0],
                 sorts: String(up) === String(sorted) && String(down) === String(sorted.reverse()),
                 pictures: [...document.images].every(image => image.complete && image.naturalWidth > 0) && document.images.length > 40,
                 reload: document.body.dataset.reload || "none"};
  document.body.innerHTML = "<p id=facts></p>";
  document.getElementById("facts").textContent = JSON.stringify(facts);
});</script>
PROBE
look() {  # width, page
  { sed '/<\/body>/,$d' "$2"; echo '</main>'; cat probe.html; echo '</body></html>'; } > probed.html
  "$browser" --headless --no-sandbox --disable-gpu --virtual-time-budget=2000 --window-size="$1,1000" --dump-dom "file://$work/probed.html" 2> /dev/null |
    grep -o '<p id="facts">.*</p>' || fail "$2 did not come to its end in the browser at $1 pixels"
}
for width in 390 1400; do
  facts=$(look $width run/report.html)
  for fact in '"fits":true' '"smallest":true' '"charts":true' '"hint":"labels in the ledger 20"' '"sorts":true' '"pictures":true' '"reload":"none"'; do
    case $facts in *"$fact"*) ;; *) fail "at $width pixels not $fact: $facts" ;; esac
  done
done

# A run that goes on (here: one that was stopped): the page says that it comes again; stopped, it no longer does.
rm run/DONE
"$build/crc_train" report run --live --interval 1 > /dev/null 2>&1 &
live=$!
for _ in $(seq 100); do grep -q 'data-reload="1"' run/report.html && break; sleep 0.1; done
grep -q 'data-reload="1"' run/report.html || fail "report --live wrote no page that comes again"
kill -TERM $live
wait $live || fail "report --live ended with $?"
grep -q 'data-reload' run/report.html && fail "a page that nobody writes any more still says that it comes again"
echo "report_page: right at 390 and 1400 pixels"
