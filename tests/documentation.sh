#!/usr/bin/env bash
# Runs the commands that README.md and docs/*.md show: every line of a fenced block that begins with crc_train, crc_select,
# crc_bench or build/crc_..., in its order, in a folder for each file that holds what a reader is supposed to have. It must
# end with 0, or with the code that its comment names ("exit code 10"). A rule for each command says what is appended so
# that it takes a moment; a command without a rule fails, and so does a rule without a command.
# usage: tests/documentation.sh BUILD_DIRECTORY
set -euo pipefail
build=$(cd "${1:?usage: $0 BUILD_DIRECTORY}" && pwd)
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for variable in "${!CRC_@}"; do unset "$variable"; done
export CRC_DEVICE=cpu OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive PATH=$build:$PATH

# ---- the rules: a command as the documents have it (a glob), what is appended, and after -- what is done before it
net=(--set model.depth=10 --set model.width=1 --set model.base_channels=8 --set model.first_stride=2)
tiny=("${net[@]}" --set ssl.batch=4 --set ssl.mu=1 --set ssl.epochs=1 --set ssl.steps_per_epoch=2)
ten=(--set acquisition.initial=10 --set acquisition.budget=10 --set acquisition.rounds=1)
two=(--set acquisition.budget=2 --set acquisition.group_size=1)

patterns=() extras=() preparations=() used=()
rule() {  # pattern, words, --, a function
  local pattern=$1 words=() before=:
  shift
  while [ $# -gt 0 ]; do
    if [ "$1" = -- ]; then before=$2; shift; else words+=("$1"); fi
    shift
  done
  patterns+=("$pattern") extras+=("${words[*]@Q}") preparations+=("$before") used+=(0)
}
rule 'crc_train list'
rule 'crc_train data info --set data.dir=DIR'
rule 'crc_train data info --set data.name=folder --set data.dir=images'
rule 'crc_train data preview grid.png --set data.name=folder --set data.dir=images' --count 2
rule 'crc_train data augment --op posterize --value 4 in.png out.png'
rule 'crc_train run cifar10 --set data.dir=DIR --out runs/a*' "${tiny[@]}" "${ten[@]}"
rule 'crc_train run cifar10 --set data.dir=DIR --set run.shards=8 *' "${tiny[@]}" "${ten[@]}" --set ssl.batch=8
rule 'crc_train run own.toml --out runs/own*' "${tiny[@]}" "${two[@]}"
rule 'crc_train init photos --classes ripe,unripe' --hours 0.01 -- photographs
rule 'crc_train run photos.toml --out runs/photos*' "${tiny[@]}" --set acquisition.initial=4 --set acquisition.rounds=1 "${two[@]}"
rule 'crc_train label runs/photos labels.csv' -- label_photographs
rule 'crc_train predict runs/photos more-photos *'
rule 'crc_train predict runs/own images --out p.csv'
rule 'crc_train resume runs/*'
rule 'crc_train label runs/own labels.csv' -- wait_for_labels
rule 'crc_train label runs/own runs/own/rounds/00/query.csv' -- 'fill_in runs/own/rounds/00/query.csv'
rule 'crc_train label runs/own runs/own/rounds/01/query.csv' -- 'fill_in runs/own/rounds/01/query.csv'
rule 'crc_train label runs/own' -- stop_soon
rule 'crc_train label runs/own --skip-rest' -- answer_one
rule 'crc_train label runs/own --export label-studio --out tasks.json'
rule 'crc_train label runs/own --import exported.json' -- annotate
rule 'crc_train eval --run runs/*'
rule 'crc_train export *' -- wait_for_labels
rule 'crc_train verify runs/*'
rule 'crc_train watch runs/*'
rule 'crc_train report runs/*'
rule 'crc_train sweep table6 --out /tmp/t6 --trials 1 --pools 1 *' "${tiny[@]}" "${ten[@]}" --only '^q50-(pool|random)' \
  --set data.train_size=200 --set data.test_size=50
rule 'crc_train sweep demo --out runs/until *' --quiet --trials 2 "${tiny[@]}" --set data.train_size=200 --set data.test_size=50
rule 'crc_train compare *'
rule 'crc_train sweep embeddings *' --trials 1 --only '^linear-10-to-100-(random|typiclust)' --set acquisition.rounds=1 \
  --set ssl.steps_per_epoch=2 -- embedded
rule 'crc_train sweep table6 *' --trials 1 --pools 1 "${tiny[@]}" "${ten[@]}" --only '^q50-(pool|random)'
rule 'crc_train rank-barrier --out barrier.png' --labeled 20 --groups 10
rule 'crc_train run embeddings --set data.features=H.npy *'
rule 'crc_train label runs/mine labels.csv' -- label_first
rule 'crc_select --features H.npy --labeled *'
rule 'crc_bench' --quick --filter '^sgd'

# ---- what a reader has: DIR, a data set in CIFAR-10's layout; images/, PNG files; H.npy and labels of it; in.png
npy() { printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"; }
have() {
  crc_train data make DIR --set data.train_size=200 --set data.test_size=50 > words
  # Float16 numbers from 1 to 1.25, of the pixels' bytes.
  { npy '<f2' '200, 16' && printf "$(od -An -v -tx1 -w16 -j1 -N3200 DIR/data_batch_1.bin | sed 's/ \(..\)/\\x\1\\x3c/g' | tr -d '\n')"; } > H.npy
  { npy '<i8' '20,' && printf "$(printf '\\x%02x\\0\\0\\0\\0\\0\\0\\0' $(seq 0 9 171))"; } > L.npy
  cp L.npy labeled.npy
  base64 -d > in.png <<< iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAKUlEQVR42mMwUGCAoA+oyEDBAStiGNVAGw0JUPQBFRkkOGBFoxpoogEAgfDMASQZZGwAAAAASUVORK5CYII=
  mkdir images
  local k axis number=0 label split
  echo path,label,split > images/labels.csv
  for k in -2 -1 1 2 3; do
    for axis in x y; do
      number=$((number + 1))
      crc_train data augment --op translate_$axis --value $k in.png images/ripe-$number.png
      crc_train data augment --op invert images/ripe-$number.png images/unripe-$number.png
      for label in ripe unripe; do
        [ $number -gt 7 ] && split=test || split=train
        echo "$label-$number.png,$([ $number -gt 2 ] && [ $split = train ] || echo $label),$split" >> images/labels.csv
      done
    done
  done
  sed -n '/^```toml/,/^```/{/^```/d;p}' "$root/docs/data.md" > own.toml
}
answered() { sed -E '1s/$/,class/; 2,$s/,((un)?ripe)(-[0-9]+\.png)$/,\1\3,\1/'; }
wait_for_labels() {
  local code=10
  [ -d runs/own ] || { code=0; crc_train run own.toml --out runs/own --quiet "${tiny[@]}" "${two[@]}" || code=$?; }
  answered < runs/own/rounds/00/query.csv > labels.csv
  [ $code = 10 ]
}
stop_soon() {  # Ctrl-C, once it serves the page
  wait_for_labels
  { sleep 3; kill -INT "$(grep -o 'process [0-9]*' runs/own/.lock | cut -d' ' -f2)"; } > kill.txt 2>&1 &
}
answer_one() {  # of two, anew
  rm -r runs/own
  wait_for_labels
  head -2 labels.csv > one.csv
  ! crc_train label runs/own one.csv
}
annotate() {
  awk -F, 'NR > 1 {printf("%s{\"item\": %d, \"class\": \"%s\"}", (NR > 2 ? "," : "["), $1, ($4 ~ /^un/ ? "unripe" : "ripe"))} END {print "]"}' \
    runs/own/rounds/01/query.csv > exported.json
}
label_first() {  # every class in turn
  sed -E '1s/$/,class/' runs/mine/rounds/first/query.csv | awk -F, 'NR == 1 {print; next} {print $0 "," NR % 10}' > labels.csv
}
photographs() {
  [ -d photos ] && return
  mkdir photos more-photos
  cp images/*.png photos
  cp images/ripe-1.png more-photos
}
label_photographs() {
  sed -E '1s/$/,class/; 2,$s/,((un)?ripe)(-[0-9]+\.png)$/,\1\3,\1/' runs/photos/rounds/first/query.csv > labels.csv
}
embedded() {  # ten classes in turn
  mkdir FOLDER
  cp H.npy FOLDER/train.npy
  { npy '<i8' '200,' && printf "$(printf '\\x0%d\\0\\0\\0\\0\\0\\0\\0' $(seq 200 | grep -o '.$'))"; } > FOLDER/train_labels.npy
  cp H.npy FOLDER/test.npy
  cp FOLDER/train_labels.npy FOLDER/test_labels.npy
}
fill_in() {
  answered < "$1" > filled.csv
  mv filled.csv "$1"
}

# ---- the commands of a document, a line each: number of its line, expected exit code, command
commands_of() {
  local line whole= number=0 first=0 fenced=0 code
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    if [[ $line == '```'* ]]; then
      fenced=$((1 - fenced)) whole=
      continue
    fi
    [ $fenced = 1 ] || continue
    [ -n "$whole" ] || first=$number
    whole+=$line
    if [[ $whole == *\\ ]]; then
      whole=${whole%\\}
      continue
    fi
    whole=${whole#build/}
    if [[ $whole =~ ^crc_(train|select|bench)( |$) ]]; then
      code=$(sed -nE 's/.*[[:space:]]#[[:space:]].*exit code ([0-9]+).*/\1/p' <<< "$whole")
      printf '%d %d %s\n' $first "${code:-0}" "$(sed -E 's/[[:space:]]+#[[:space:]].*//; s/[[:space:]]+/ /g; s/ $//' <<< "$whole")"
    fi
    whole=
  done < "$1"
  [ $fenced = 0 ] || { echo "documentation: $1: a fenced block without an end" >&2; return 1; }
}

rule_of() {  # the number of the rule for a command
  local i
  for i in "${!patterns[@]}"; do
    # shellcheck disable=SC2053  # the pattern is one
    [[ $1 == ${patterns[i]} ]] && echo "$i" && return
  done
  return 1
}

failed=0 count=0
fail() {
  echo "documentation: $1" >&2
  failed=1
}

# check FILE LINE CODE COMMAND, in the folder of the file
check() {
  local place=$1:$2 wanted=$3 command=${4%% && *} number code=0 words=()
  number=$(rule_of "$command") || { fail "$place: there is no rule in tests/documentation.sh for: $command"; return; }
  used[number]=1
  if [[ $command == crc_bench* ]] && [ ! -x "$build/crc_bench" ]; then
    echo "left out, crc_bench is not built: $place"
    return
  fi
  set -f
  eval "words=(${command//\/tmp\//tmp/} ${extras[number]})"
  set +f
  { ${preparations[number]} && timeout 60 "${words[@]}"; } > words 2>&1 < /dev/null || code=$?
  count=$((count + 1))
  if [ $code = "$wanted" ]; then
    printf 'ok  %-26s %2d  %s\n' "$place" $code "$command"
  else
    fail "$place: ended with $code instead of $wanted: ${words[*]}"
    sed 's/^/    /' words >&2
  fi
}

mkdir "$work/have"
cd "$work/have"
have
cd "$root"
for file in README.md docs/*.md docs/tutorials/*.md; do
  list=$work/commands
  commands_of "$file" > "$list" || failed=1
  [ -s "$list" ] || continue
  cp -r "$work/have" "$work/$(basename "$file")"
  cd "$work/$(basename "$file")"
  while read -r line code command <&3; do check "$file" "$line" "$code" "$command"; done 3< "$list"
  cd "$root"
done
for i in "${!patterns[@]}"; do
  [ ${used[i]} = 1 ] || fail "no document has a command for the rule: ${patterns[i]}"
done
echo "documentation: $count commands run in $SECONDS s"
exit $failed
