import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Notice, toast } from './parts.tsx';

/** A dialog over the page; Escape and Cancel close it, and the focus goes back to where it was. */
export function Dialog({
  title,
  confirm,
  danger = false,
  ready = true,
  children,
  onConfirm,
  onClose,
}: {
  readonly title: string;
  /** The word on the button; absent: there is nothing to confirm. */
  readonly confirm?: string;
  readonly danger?: boolean;
  /** Whether it may be confirmed. */
  readonly ready?: boolean;
  readonly children: ComponentChildren;
  readonly onConfirm?: () => void;
  readonly onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    toast.value = undefined;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-label={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) onConfirm?.();
        }}
      >
        <h2>{title}</h2>
        {/* What failed is said here: the rest of the page is behind. */}
        {toast.value?.failed && <Notice kind="error">{toast.value.text}</Notice>}
        {children}
        <div class="actions">
          <button type="button" onClick={onClose}>
            {confirm === undefined ? 'Close' : 'Cancel'}
          </button>
          {confirm !== undefined && (
            <button type="submit" class={danger ? 'danger' : 'primary'} disabled={!ready}>
              {confirm}
            </button>
          )}
        </div>
      </form>
    </dialog>
  );
}
