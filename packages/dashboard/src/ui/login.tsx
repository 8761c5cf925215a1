import { useState } from 'preact/hooks';
import { loggedOutReason, logIn } from './api.ts';
import { Check, Field } from './field.tsx';
import { errorText } from './format.ts';
import { Notice } from './parts.tsx';

/** Exchanges the token of a key for a session. The token is kept nowhere. */
export function Login() {
  const [token, setToken] = useState('');
  const [readOnly, setReadOnly] = useState(false);
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await logIn(token.trim(), readOnly);
    } catch (thrown) {
      setError(errorText(thrown));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form
        class="panel"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <h1>Log in</h1>
        {loggedOutReason.value !== undefined && <Notice kind="warning">{loggedOutReason.value}</Notice>}
        {error !== undefined && <Notice kind="error">{error}</Notice>}
        <Field
          label="API key"
          type="password"
          value={token}
          onInput={setToken}
          placeholder="mb_…"
          required
          hint="The token that `mb key new` has shown."
        />
        <Check checked={readOnly} onChange={setReadOnly}>
          Read only: this session changes nothing
        </Check>
        <button type="submit" class="primary" disabled={busy || token.trim() === ''}>
          {busy ? 'Logging in…' : 'Log in'}
        </button>
      </form>
    </main>
  );
}
