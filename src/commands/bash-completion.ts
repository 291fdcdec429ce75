/**
 * The bash completion of berth, from the declarations of its verbs. Pure. Verbs and options stand in the script; names of
 * containers and images are asked of berth itself, on the store that the command line names. It needs bash alone, no
 * bash-completion.
 *
 * To the script a verb is three lists of words: its `options`; those that take a value, with what the value is (`values`);
 * what its `operands` are, in order, of which one that ends in `+` may be repeated. A verb of two words is one case.
 */
import { Option } from "commander";
import type { Personality } from "../view.ts";
import type { OptionSpec, Verb } from "./command.ts";
import { globals as allGlobals } from "./globals.ts";

const globals = allGlobals.filter(({ hidden }) => hidden !== true);

export function bashCompletion(verbs: readonly Verb[], personality: Personality): string {
  const script = `# Completion of berth for bash, written by: berth completion bash
${tables(verbs)}
${FUNCTIONS}`;
  // Both may be in one shell.
  if (personality === "berth") return script;
  return script
    .replaceAll("_berth", "_atomic")
    .replace(/berth$/gm, "atomic")
    .replaceAll("berth completion", "atomic completion");
}

/** Of an operand or the value of an option, by its placeholder: what it can be. All others are text, and not completed. */
const KINDS: Record<string, string> = {
  name: "container",
  names: "container",
  image: "image",
  images: "image",
  "image|name": "image,container",
  "name|image": "container,image",
  source: "image,file",
  unit: "unit",
  command: "file",
  file: "file",
  path: "file",
  dir: "directory",
  directory: "directory",
  "host:container[:ro]": "file",
  bool: "true,false",
  shell: "bash",
  verb: "verb",
};

/** An option's `<name>` is a new one, and its command a line for a shell. */
const OPTION_KINDS: Record<string, string> = { ...KINDS, name: "text", command: "text" };

function tables(verbs: readonly Verb[]): string {
  const names = verbs.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  const firstOf = (name: string): string => name.replace(/ .*/, "");
  const groups = [...new Set(names.filter((name) => name.includes(" ")).map(firstOf))];
  const members = groups.map((group) => {
    const seconds = names.filter((name) => name.startsWith(`${group} `));
    return `    ${group}) members='${seconds.map((name) => name.slice(group.length + 1)).join(" ")}' ;;\n`;
  });
  return `_berth_verbs='${[...new Set([...names.map(firstOf), "help"])].join(" ")}'
_berth_globals='${[...globals.flatMap(wordsOf), "-h", "--help"].join(" ")}'
_berth_global_values='${valuesOf(globals)}'

_berth_verb() {
    case $1 in
${verbs.map(tableOf).join("")}    help) options= values= operands=verb ;;
    *) return 1 ;;
    esac
}

# The second words that verb $1 has, into members
_berth_members() {
    case $1 in
${members.join("")}    *) members= ;;
    esac
}
`;
}

function tableOf({ name, aliases = [], options, arguments: operands, operandsAsTyped }: Verb): string {
  const seen = options.filter(({ hidden }) => hidden !== true);
  return `    ${[name, ...aliases].map((word) => word.replace(" ", "\\ ")).join("|")})
        options='${seen.flatMap(wordsOf).join(" ")}'
        values='${valuesOf(seen)}'
        operands='${operands.map(operandOf).join(" ")}'${operandsAsTyped === true ? "\n        typed=yes" : ""}
        ;;
`;
}

function wordsOf({ flags }: OptionSpec): string[] {
  const { short, long } = new Option(flags);
  return [short, long].filter((word) => word !== undefined);
}

/** `--format=oci,v2s2 -n=text`: a word for each spelling. */
function valuesOf(specs: readonly OptionSpec[]): string {
  const valued = specs.filter(({ flags }) => new Option(flags).required);
  return valued.flatMap((spec) => wordsOf(spec).map((word) => `${word}=${kindOf(spec)}`)).join(" ");
}

function kindOf({ flags, choices }: OptionSpec): string {
  const placeholder = /<(.*)>$/.exec(flags)?.[1] ?? "";
  return choices?.join(",") ?? OPTION_KINDS[placeholder] ?? "text";
}

function operandOf(argument: string): string {
  const placeholder = argument.slice(1, -1);
  return placeholder.endsWith("...")
    ? `${KINDS[placeholder.slice(0, -3)] ?? "text"}+`
    : (KINDS[placeholder] ?? "text");
}

const FUNCTIONS = `# Words of $1, a list with commas of what a word can be, into COMPREPLY
_berth_complete() {
    local kind
    for kind in \${1//,/ }; do
        case $kind in
        text) ;;
        file) compopt -o filenames 2>/dev/null; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$2") ;;
        directory) compopt -o filenames 2>/dev/null; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$2") ;;
        verb) _berth_choose "$_berth_verbs" "$2" ;;
        container) _berth_choose "$(_berth_names list)" "$2" ;;
        image) _berth_choose "$(_berth_names images)" "$2" ;;
        unit) _berth_choose "$(_berth_names list; _berth_units)" "$2" ;;
        *) _berth_choose "$kind" "$2" ;;
        esac
    done
}

# Those of $1 that begin with $2, as they must be typed. No compgen -W, which would run what stands in a name
_berth_choose() {
    local word
    while IFS= read -r word; do
        [[ -n $word && $word == "$2"* ]] || continue
        printf -v word %q "$word"
        COMPREPLY+=("$word")
    done <<<"\${1// /$'\\n'}"
}

# The names that a verb lists, on the store that the line names
_berth_names() {
    "\${words[0]/%atomic/berth}" "\${context[@]}" --json "$1" 2>/dev/null | grep -o '"name": *"[^"]*"' | cut -d'"' -f4
}

_berth_units() {
    systemctl list-unit-files --no-legend --no-pager --plain 2>/dev/null | cut -d' ' -f1
}

# What the value of option $1 is, into kind; fails where it takes none
_berth_value() {
    local each
    for each in $values $_berth_global_values; do
        [[ \${each%%=*} == "$1" ]] && kind=\${each#*=} && return
    done
    return 1
}

_berth() {
    local line=\${COMP_LINE:0:COMP_POINT} words=() context=() cur word
    local verb= members= options= values= operands= typed= kind= option= count=0 end=
    COMPREPLY=()
    # Not COMP_WORDS, which are split at : and = as well
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=('')
    cur=\${words[-1]}
    for word in "\${words[@]:1:\${#words[@]}-2}"; do
        if [[ -n $kind ]]; then
            case $option in --root | --state | --config) context+=("$option" "$word") ;; esac
            kind=
        elif [[ -n $end ]]; then
            count=$((count + 1))
        elif [[ $word == -- ]]; then
            end=yes
        elif [[ $word == --*=* ]]; then
            case $word in --root=* | --state=* | --config=*) context+=("$word") ;; esac
        elif [[ $word == -* ]]; then
            option=$word
            _berth_value "$word"
        elif [[ -z $verb ]]; then
            verb=$word
            _berth_members "$verb"
            _berth_verb "$verb" || [[ -n $members ]] || return
        elif [[ " $members " == *" $word "* ]]; then
            verb+=" $word" members=
            _berth_verb "$verb"
        else
            count=$((count + 1)) members=
            [[ -n $typed ]] && end=yes
        fi
    done

    if [[ -n $kind ]]; then
        _berth_complete "$kind" "$cur"
    elif [[ -z $end && $cur == --*=* ]]; then
        _berth_value "\${cur%%=*}" && _berth_complete "$kind" "\${cur#*=}"
        cur=\${cur#*=}
    elif [[ -z $end && $cur == -* ]]; then
        _berth_choose "$options $_berth_globals" "$cur"
    elif [[ -z $verb ]]; then
        _berth_complete verb "$cur"
    elif [[ -n $members ]]; then
        _berth_choose "$members" "$cur"
    else
        local kinds=($operands)
        kind=\${kinds[count]:-text}
        ((count >= \${#kinds[@]})) && [[ $operands == *+ ]] && kind=\${kinds[-1]}
        _berth_complete "\${kind%+}" "$cur"
    fi

    # Readline puts back what stands before the last : or =
    local breaks=
    [[ $COMP_WORDBREAKS == *:* ]] && breaks+=:
    [[ $COMP_WORDBREAKS == *=* ]] && breaks+==
    [[ -n $breaks ]] && COMPREPLY=("\${COMPREPLY[@]#"\${cur%"\${cur##*["$breaks"]}"}"}")
}

complete -F _berth berth
`;
