import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

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
