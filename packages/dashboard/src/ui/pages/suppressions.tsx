import { useState } from 'preact/hooks';
import { api, apiRoot, dataOf, may, type Schemas } from '../api.ts';
import { Dialog } from '../dialog.tsx';
import { Field } from '../field.tsx';
import { formatOutcome, plural } from '../format.ts';
import { act, More, Notice, Page, Panel, Table, When } from '../parts.tsx';
import { usePages } from '../use-pages.ts';

type Suppression = Schemas['Suppression'];
const reasons: Readonly<Record<string, string>> = {
  'bad-mailbox': 'the mailbox does not exist',
  complaint: 'a complaint',
  operator: 'by hand',
};

/** The addresses that get no mail. */
export function SuppressionsPage() {
  const [draft, setDraft] = useState('');
  const [wanted, setWanted] = useState('');
  const list = usePages<Suppression>(wanted, (after) =>
    api
      .GET('/v1/suppressions', {
        params: {
          query: {
            limit: 100,
            ...(wanted !== '' && { address: wanted }),
            ...(after !== undefined && { after }),
          },
        },
      })
      .then(dataOf),
  );
  const [dialog, setDialog] = useState<'add' | 'import'>();
  const [lifting, setLifting] = useState<Suppression>();
  const done = () => {
    setDialog(undefined);
    setLifting(undefined);
    list.restart();
  };
  return (
    <Page
      title="Suppressions"
      actions={
        <>
          {may('operate') && (
            <>
              <button type="button" class="primary" onClick={() => setDialog('add')}>
                Add
              </button>
              <button type="button" onClick={() => setDialog('import')}>
                Import
              </button>
            </>
          )}
          <a class="button" href={`${apiRoot}v1/suppressions/export`} download="suppressions.csv">
            Export
          </a>
        </>
      }
    >
      <p class="muted">
        Mail to these addresses is not sent. An address comes here when its mailbox does not exist, after a
        complaint, or by hand.
      </p>
      <form
        class="filter panel"
        onSubmit={(event) => {
          event.preventDefault();
          setWanted(draft.trim());
        }}
      >
        <div class="fields">
          <Field
            label="Address"
            type="search"
            value={draft}
            onInput={setDraft}
            placeholder="bob@example.org"
          />
        </div>
        <div class="actions">
          <button type="submit" class="primary">
            Look up
          </button>
          <button
            type="button"
            onClick={() => {
              setDraft('');
              setWanted('');
            }}
          >
            Clear
          </button>
        </div>
      </form>
      {list.error !== undefined && <Notice kind="error">{list.error}</Notice>}
      <Panel>
        <Table
          label="Suppressed addresses"
          rows={list.rows}
          keyOf={({ address, tenant }) => `${tenant ?? ''} ${address}`}
          empty={
            list.loading ? 'Loading…' : wanted === '' ? 'No address is suppressed.' : 'It is not suppressed.'
          }
          columns={[
            { name: 'Address', cell: ({ address }) => address },
            { name: 'Reason', cell: ({ reason }) => reasons[reason] ?? reason },
            { name: 'Since', cell: ({ since }) => <When at={since} /> },
            {
              name: 'Evidence',
              cell: ({ detail }) =>
                detail && <span class="reply">{formatOutcome(detail) || JSON.stringify(detail)}</span>,
            },
            ...(may('operate')
              ? [
                  {
                    name: 'Action',
                    cell: (row: Suppression) => (
                      <button
                        type="button"
                        aria-label={`Lift ${row.address}`}
                        onClick={() => setLifting(row)}
                      >
                        Lift
                      </button>
                    ),
                  },
                ]
              : []),
          ]}
        />
        <More list={list} />
      </Panel>
      {dialog === 'add' && <Add onClose={() => setDialog(undefined)} onDone={done} />}
      {dialog === 'import' && <Import onClose={() => setDialog(undefined)} onDone={done} />}
      {lifting && (
        <Dialog
          title={`Lift ${lifting.address}`}
          confirm="Lift"
          onConfirm={() =>
            void act(async () => {
              dataOf(
                await api.DELETE('/v1/suppressions/{address}', {
                  params: {
                    path: { address: lifting.address },
                    query: lifting.tenant === undefined ? {} : { tenant: lifting.tenant },
                  },
                }),
              );
              done();
              return `${lifting.address} gets mail again.`;
            })
          }
          onClose={() => setLifting(undefined)}
        >
          <p>Mail to it is sent again. If it fails as before, it comes back to the list.</p>
        </Dialog>
      )}
    </Page>
  );
}

function Add({ onClose, onDone }: { readonly onClose: () => void; readonly onDone: () => void }) {
  const [address, setAddress] = useState('');
  return (
    <Dialog
      title="Add an address"
      confirm="Add"
      ready={address.trim() !== ''}
      onConfirm={() =>
        void act(async () => {
          dataOf(
            await api.POST('/v1/suppressions', {
              body: { entries: [{ address: address.trim(), reason: 'operator' }] },
            }),
          );
          onDone();
          return `${address.trim()} gets no mail from now on.`;
        })
      }
      onClose={onClose}
    >
      <Field label="Address" value={address} onInput={setAddress} placeholder="bob@example.org" required />
    </Dialog>
  );
}

function Import({ onClose, onDone }: { readonly onClose: () => void; readonly onDone: () => void }) {
  const [file, setFile] = useState<File>();
  return (
    <Dialog
      title="Import addresses"
      confirm="Import"
      ready={file !== undefined}
      onConfirm={() =>
        void act(async () => {
          const { entries } = dataOf(
            await api.POST('/v1/suppressions/import', {
              body: await file!.text(),
              bodySerializer: (body) => body,
              headers: { 'content-type': 'text/csv' },
            }),
          );
          onDone();
          return `${plural(entries, 'address', 'addresses')} imported.`;
        })
      }
      onClose={onClose}
    >
      <p>
        A CSV file with a heading: <code>address</code> and, if wanted, <code>reason</code>. When a line is
        wrong, nothing is added.
      </p>
      <label class="field">
        <span>File</span>
        <input
          type="file"
          accept=".csv,text/csv"
          onChange={(event) => setFile(event.currentTarget.files?.[0])}
        />
      </label>
    </Dialog>
  );
}
