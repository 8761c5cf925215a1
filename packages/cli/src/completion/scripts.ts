import type { CompletedCommand } from './tree.ts';

/** Shells with a completion script. */
export type Shell = 'bash' | 'zsh' | 'fish';

/** Writes the script that completes the commands in a shell. */
export function writeScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  return { bash, zsh, fish }[shell](commands);
}

/** Text in single quotes, which sh, bash and zsh read literally. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** `case` patterns that lead to a subcommand: a command and the name of one below. */
function descents(commands: readonly CompletedCommand[]): string {
  return commands
    .flatMap(({ path, children }) => children.map(({ name }) => quoted(`${path} ${name}`)))
    .join('|');
}

/** `case` branches for the values of flags: `chosen` where there is a choice, `any` elsewhere. */
function valueBranches(
  commands: readonly CompletedCommand[],
  chosen: (choices: readonly string[]) => string,
  any: string,
): string[] {
  const withValue = commands.flatMap(({ path, flags }) =>
    flags
      .filter(({ takesValue }) => takesValue)
      .map(({ names, choices }) => ({
        pattern: names.map((name) => quoted(`${path} ${name}`)).join('|'),
        choices,
      })),
  );
  const free = withValue.filter(({ choices }) => choices.length === 0).map(({ pattern }) => pattern);
  return [
    ...withValue
      .filter(({ choices }) => choices.length > 0)
      .map(({ pattern, choices }) => `    ${pattern}) ${chosen(choices)} ;;`),
    `    ${free.join('|')}) ${any} ;;`,
  ];
}

function bash(commands: readonly CompletedCommand[]): string {
  const words = commands.map(({ path, children, flags }) => {
    const names = [...children.map(({ name }) => name), ...flags.flatMap((flag) => flag.names)];
    return `    ${quoted(path)}) words=${quoted(names.join(' '))} ;;`;
  });
  const values = valueBranches(commands, (choices) => `words=${quoted(choices.join(' '))}; flag=1`, 'return');
  return `# Completion of mb in bash. Put into ~/.bashrc: eval "$(mb completion bash)"
_mb() {
  local at=mb words='' flag='' word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$at $word" in ${descents(commands)}) at="$at $word" ;; esac
  done
  case "$at \${COMP_WORDS[COMP_CWORD - 1]}" in
${values.join('\n')}
  esac
  [[ -n $flag ]] || case "$at" in
${words.join('\n')}
  esac
  local IFS=$' \\t\\n'
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _mb mb
`;
}

function zsh(commands: readonly CompletedCommand[]): string {
  const described = (name: string, description: string) => quoted(`${name}:${description}`);
  const words = commands.map(({ path, children, flags }) => {
    const names = [
      ...children.map(({ name, description }) => described(name, description)),
      ...flags.flatMap((flag) => flag.names.map((name) => described(name, flag.description))),
    ];
    return `    ${quoted(path)}) found=(${names.join(' ')}) ;;`;
  });
  const values = valueBranches(
    commands,
    (choices) => `compadd -- ${choices.join(' ')}; return`,
    '_files; return',
  );
  return `#compdef mb
# Completion of mb in zsh. Put into ~/.zshrc, after compinit: eval "$(mb completion zsh)"
_mb() {
  local at=mb word
  local -a found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in (${descents(commands)}) at="$at $word" ;; esac
  done
  case "$at \${words[CURRENT-1]}" in
${values.map((branch) => branch.replace(/^ {4}/, '    (')).join('\n')}
  esac
  case "$at" in
${words.map((branch) => branch.replace(/^ {4}/, '    (')).join('\n')}
  esac
  _describe mb found || _files
}
compdef _mb mb
`;
}

function fish(commands: readonly CompletedCommand[]): string {
  // fish reads \\ and \' within single quotes.
  const text = (value: string) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const known = commands.flatMap(({ path, children }) => children.map(({ name }) => text(`${path} ${name}`)));
  const lines = commands.flatMap(({ path, children, flags }) => {
    const start = `complete -c mb -n ${text(`__mb_at "${path}"`)}`;
    return [
      ...children.map(({ name, description }) => `${start} -f -a ${text(name)} -d ${text(description)}`),
      ...flags.map(({ names, description, takesValue, choices }) => {
        const spelt = names.map((name) =>
          name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
        );
        const value = choices.length > 0 ? ` -x -a ${text(choices.join(' '))}` : takesValue ? ' -r' : '';
        return `${start} ${spelt.join(' ')} -d ${text(description)}${value}`;
      }),
    ];
  });
  return `# Completion of mb in fish: mb completion fish > ~/.config/fish/completions/mb.fish
function __mb_at
  set -l at mb
  for word in (commandline -opc)[2..-1]
    if contains -- "$at $word" ${known.join(' ')}
      set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join('\n')}
`;
}
