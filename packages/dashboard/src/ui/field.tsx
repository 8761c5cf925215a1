import type { ComponentChildren } from 'preact';

/** A labelled input of a line. */
export function Field({
  label,
  value,
  onInput,
  type = 'text',
  hint,
  ...rest
}: {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly type?: 'text' | 'search' | 'number' | 'password' | 'datetime-local' | 'url';
  readonly hint?: string;
  readonly placeholder?: string;
  readonly required?: boolean;
  readonly autoFocus?: boolean;
  readonly min?: number;
}) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        // The types of Preact want to know which one.
        type={type as 'text'}
        value={value}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => onInput(event.currentTarget.value)}
        {...rest}
      />
      {hint !== undefined && <small>{hint}</small>}
    </label>
  );
}

/** A labelled choice. */
export function Choice({
  label,
  value,
  options,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly onChange: (value: string) => void;
}) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Check({
  checked,
  onChange,
  children,
}: {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly children: ComponentChildren;
}) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{children}</span>
    </label>
  );
}

/** States of a recipient, for choices; empty: any. */
export const stateOptions = [
  ['', 'any'],
  ...['queued', 'held', 'unknown', 'delivered', 'failed', 'expired', 'cancelled'].map(
    (state) => [state, state] as const,
  ),
] as readonly (readonly [string, string])[];
