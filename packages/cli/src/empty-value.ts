import { type Argument, type Command, InvalidArgumentError, type Option } from 'commander';

/** Flags that may be empty: an empty text, or the null reverse-path. */
const mayBeEmpty: readonly string[] = ['subject', 'text', 'html', 'envelopeFrom', 'note'];

/**
 * Makes a command and its subcommands refuse empty values from the command line, the environment and the configuration:
 * `--tenant "$TENANT"` with an unset variable must not select the mail of every tenant.
 */
export function refuseEmptyValues(command: Command): void {
  for (const option of command.options) {
    if (!option.required && !option.optional) continue;
    if (!mayBeEmpty.includes(option.attributeName())) refuseEmpty(option);
  }
  for (const argument of command.registeredArguments) refuseEmpty(argument);
  for (const child of command.commands) refuseEmptyValues(child);
}

function refuseEmpty(option: Option | Argument): void {
  const { parseArg: parse, variadic } = option;
  option.argParser<unknown>((text, before) => {
    if (text.trim() === '') {
      throw new InvalidArgumentError('It must not be empty; is a shell variable unset?');
    }
    if (parse) return parse(text, before as never);
    if (!variadic) return text;
    // The same as commander does without a parser: the first value replaces the default, later ones are appended.
    return before === option.defaultValue || !Array.isArray(before) ? [text] : [...before, text];
  });
}
