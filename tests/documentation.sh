#!/usr/bin/env bash
# Every fenced block of README.md, CONTRIBUTING.md and docs/ is looked at by a test, and fails here where none has a rule:
#  - in a block without a language each line is a command. One of crc_train, crc_select, crc_bench or build/crc_... is run, in
#    its order, in a folder for each file that holds what a reader is supposed to have. It must end with 0, or with the code
#    that its comment names ("exit code 10"). A `rule` for it says what is appended so that it takes a moment. Any other
#    command has a `line`, which says how it is looked at;
#  - a block of Python is run by tests/python/test_documentation.py, which names the page (what it prints may stand in a block
#    right below); one whose fence names a file is written there and compiled by tests/tutorials.sh;
#  - any other block (text, toml, cpp, cmake) has a `block` of its page and language.
# A rule, line or block that no document has fails too.
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
rule 'crc_train sweep oracle *' --trials 1 --only '^linear-(random|oracle)' --set ssl.steps_per_epoch=2 --set acquisition.budgets=20 \
  --set acquisition.candidates=7 -- embedded
rule 'crc_train sweep table6 *' --trials 1 --pools 1 "${tiny[@]}" "${ten[@]}" --only '^q50-(pool|random)'
rule 'crc_train rank-barrier --out barrier.png' --labeled 20 --groups 10
rule 'crc_train run embeddings --set data.features=H.npy *'
rule 'crc_train label runs/mine labels.csv' -- label_first
rule 'crc_select --features H.npy --labeled *'
rule 'crc_bench' --quick --filter '^sgd'

# ---- other lines: a glob, and the function that is called with its words
line_globs=() line_functions=() line_used=()
line() { line_globs+=("$1") line_functions+=("$2") line_used+=(0); }
line 'scripts/*' has_scripts
line 'pip install *' has_scripts
line 'ctest *' lists_tests
line 'build/tests/kernels_test *Softplus*' in_tutorials
line 'build/tests/*' lists_cases
line 'cmake --build build --target *' has_targets
line 'bash t6.sh *' has_job_file
line 'mpirun *crc_train *' leads_alone
line 'mpirun *' without_launcher
line 'mpicc *' compiles
line 'apptainer build *' has_definition
# Of another machine or program. srun: tests/slurm.sh, tests/campaigns/ranks.sh; by TCP: tests/network.sh; Python's build: scripts/wheel.sh
for other in 'apptainer exec *' 'program=(*' 'module load *' 'rsync *' 'srun *' 'torchrun *' 'MASTER_ADDR=*' 'for r in 0 1; do RANK=*' 'export CRC_MPI_ADAPTER=*' 'python3 -m venv *' \
  'cmake -B build -DCRC_PYTHON=ON *' 'PYTHONPATH=*'; do line "$other" parses; done

# ---- other blocks: page, language, the function that gets the block as its input
block_pages=() block_functions=() block_used=()
block() { block_pages+=("$1 $2") block_functions+=("$3") block_used+=(0); }
block README.md text lists_what_runs_have
block docs/run-directory.md text names_the_files_of_a_run
block docs/architecture.md text shows_layers  # who may include whom: tests/layering_test.cpp
block docs/architecture.md cpp 'stands_in kernels/ops/add.h'
block docs/data.md toml is_own_toml
block docs/data.md text is_a_table
block docs/methods.md cpp in_tutorials
block docs/python.md cmake 'stands_in docs/examples/CMakeLists.txt'

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
  [ -d FOLDER ] && return
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

# ---- how other lines are looked at, in the folder of their file
parses() { bash -n <<< "$*"; }
has_scripts() {  # that it names; they parse
  local script
  parses "$*"
  for script in $(grep -o 'scripts/[a-z.]*' <<< "$*"); do [ -x "$root/$script" ] && bash -n "$root/$script"; done
}
lists_tests() {
  local words=("$@") i
  for i in "${!words[@]}"; do [ "${words[i]}" = default ] && words[i - 1]=--test-dir && words[i]=$build; done
  "${words[@]/#build/$build}" -N | grep -q '^Total Tests: [1-9]' && return
  ctest --test-dir "$build" -N | grep '_NOT_BUILT$'  # and so not known yet
}
lists_cases() {
  local program=$build/${1#build/}
  [ -x "$program" ] || { echo "left out, $1 is not built" && return; }
  "$program" "${@:2}" --gtest_list_tests | grep -q '^  '
}
has_targets() { [ ! -f "$build/build.ninja" ] || ninja -C "$build" -t query "${@:5}" > targets; }
has_job_file() { bash -n "$2"; }
leads_alone() {  # the first process, without the others
  local words="$*" small=()
  words=${words#*crc_train }
  [[ $words != run* ]] || small=("${tiny[@]}" "${ten[@]}" --set ssl.batch=8)
  crc_train $words "${small[@]}"
}
without_launcher() {  # by one process; by more: tests/campaigns/ranks.sh
  local k words="$*"
  for k in 0 1 2; do
    { npy '<f2' '400, 16' && printf "$(od -An -v -tx1 -w16 -j$((1 + 6400 * k)) -N6400 DIR/data_batch_1.bin | sed 's/ \(..\)/\\x\1\\x3c/g' | tr -d '\n')"; } > a-0000$k.npy
  done
  crc_select ${words#*crc_select }
}
compiles() { command -v "$1" > /dev/null || return 0; (cd "$root" && "${@/#libcrc_mpi.so/$work/libcrc_mpi.so}"); }
has_definition() { [ -f "$root/${*: -1}" ]; }
in_tutorials() { grep -q "methods.md" "$root/tests/tutorials.sh"; }

# ---- and other blocks
names_the_files_of_a_run() {
  local name run
  cat > listing
  run=$(ls "$work"/*/runs/*/run.json | head -1)
  for name in $(ls "${run%/*}"); do grep -q "$name" listing || { echo "$name, of a run, is not in the list" && return 1; }; done
}
lists_what_runs_have() {
  local name
  for name in $(grep -oE '[a-z.]+\.(json|jsonl|toml|csv|png|npz|html|safetensors)' | sort -u); do
    [ -n "$(find "$work" -path '*/runs/*' -name "$name" -print -quit)" ] || { echo "no run has $name" && return 1; }
  done
}
shows_layers() {
  local layer
  cat > listing
  for layer in apps ssl nn crc data kernels bench tests; do grep -q "\b$layer\b" listing || return 1; done
}
stands_in() {  # its first words, up to a comment
  local line
  while IFS= read -r line; do grep -qF "$(sed -E 's/ +(\/\/|#) .*//' <<< "$line" | sed -E 's/\(mine .*//')" "$root/$1" || return 1; done
}
is_own_toml() { diff - own.toml; }
is_a_table() {  # of images, or of the answers to a query
  local file
  grep , > table
  [ "$(head -1 table)" = path,label,split ] || { [ "$(head -1 table)" = "$(head -1 runs/own/rounds/00/query.csv),class" ]; return; }
  mkdir listed && cp table listed/labels.csv
  for file in $(tail -n +2 table | cut -d, -f1); do cp in.png "listed/$file"; done
  crc_train data info --set data.name=folder --set data.dir=listed
}

# ---- what a document has, a line each: number of its line, kind, and
#   run: expected exit code and command, of our programs; line: any other command, of a block without a language;
#   block: the language; its content goes to $work/block-NUMBER
parts_of() {
  local line whole= number=0 first=0 code fence= language= after_python=0
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    if [[ $line =~ ^\ *'```'(.*)$ ]]; then
      if [ -z "$fence" ]; then
        fence=$number language=${BASH_REMATCH[1]} whole=
        [ -n "$language" ] || [ $after_python != $((number - 1)) ] || language=output
        [ -z "$language" ] || echo "$number block $language"
        : > "$work/block-$number"
      else
        [ "$language" != python ] || after_python=$number
        fence=
      fi
      continue
    fi
    [ -n "$fence" ] || continue
    [ -z "$language" ] || { printf '%s\n' "$line" >> "$work/block-$fence" && continue; }
    [ -n "$whole" ] || first=$number
    whole+=$line
    if [[ $whole == *\\ ]]; then
      whole=${whole%\\}
      continue
    fi
    [[ $whole != build/crc_* ]] || whole=${whole#build/}
    code=$(sed -nE 's/.*[[:space:]]#[[:space:]].*exit code ([0-9]+).*/\1/p' <<< "$whole")
    whole=$(sed -E 's/[[:space:]]+#[[:space:]].*//; s/[[:space:]]+/ /g; s/ $//' <<< "$whole")
    if [[ $whole =~ ^crc_(train|select|bench)( |$) ]]; then
      printf '%d run %d %s\n' $first "${code:-0}" "$whole"
    elif [ -n "$whole" ]; then
      printf '%d line %s\n' $first "$whole"
    fi
    whole=
  done < "$1"
  [ -z "$fence" ] || { echo "documentation: $1: a fenced block without an end" >&2; return 1; }
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

# check_line FILE LINE COMMAND
check_line() {
  local i words=()
  for i in "${!line_globs[@]}"; do
    # shellcheck disable=SC2053  # the glob is one
    [[ $3 == ${line_globs[i]} ]] || continue
    line_used[i]=1 count=$((count + 1))
    words=("$3")
    set -f
    [ "${line_functions[i]}" = parses ] || eval "words=(${3// && / })"
    set +f
    if ${line_functions[i]} "${words[@]}" > words 2>&1 < /dev/null; then
      printf 'ok  %-26s     %s\n' "$1:$2" "$3"
    else
      fail "$1:$2: ${line_functions[i]} does not hold of: $3"
      sed 's/^/    /' words >&2
    fi
    return
  done
  fail "$1:$2: there is no line in tests/documentation.sh for: $3"
}

# check_block FILE LINE LANGUAGE
check_block() {
  local i
  case "$3" in
    output) return ;;  # of the Python above
    python) grep -q "\"$1\"" "$root/tests/python/test_documentation.py" ||
      fail "$1:$2: tests/python/test_documentation.py does not run the page's Python"
      return ;;
    *' title='*) [[ $1 == docs/tutorials/* ]] || fail "$1:$2: tests/tutorials.sh does not compile the page's files"
      return ;;
  esac
  for i in "${!block_pages[@]}"; do
    [ "$1 $3" = "${block_pages[i]}" ] || continue
    block_used[i]=1 count=$((count + 1))
    if ${block_functions[i]} < "$work/block-$2" > words 2>&1; then
      printf 'ok  %-26s     a block of %s\n' "$1:$2" "$3"
    else
      fail "$1:$2: ${block_functions[i]} does not hold of this block"
      sed 's/^/    /' words >&2
    fi
    return
  done
  fail "$1:$2: there is no block in tests/documentation.sh for $1 and \"$3\""
}

mkdir "$work/have"
cd "$work/have"
have
cd "$root"
for file in README.md CONTRIBUTING.md docs/*.md docs/tutorials/*.md; do
  list=$work/parts
  parts_of "$file" > "$list" || failed=1
  [ -s "$list" ] || continue
  cp -r "$work/have" "$work/$(basename "$file")"
  cd "$work/$(basename "$file")"
  while read -r line kind rest <&3; do
    case $kind in
      run) check "$file" "$line" "${rest%% *}" "${rest#* }" ;;
      line) check_line "$file" "$line" "$rest" ;;
      block) check_block "$file" "$line" "$rest" ;;
    esac
  done 3< "$list"
  cd "$root"
done
for i in "${!patterns[@]}"; do
  [ ${used[i]} = 1 ] || fail "no document has a command for the rule: ${patterns[i]}"
done
for i in "${!line_globs[@]}"; do
  [ ${line_used[i]} = 1 ] || fail "no document has a command for the line: ${line_globs[i]}"
done
for i in "${!block_pages[@]}"; do
  [ ${block_used[i]} = 1 ] || fail "no document has the block: ${block_pages[i]}"
done
echo "documentation: $count commands and blocks in $SECONDS s"
exit $failed
