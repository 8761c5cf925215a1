import { useState } from 'preact/hooks';
import { api, dataOf, may, type Schemas, seesAll } from '../api.ts';
import { Dialog } from '../dialog.tsx';
import { Field } from '../field.tsx';
import { act, More, Notice, Page, Panel, Table } from '../parts.tsx';
import { goTo, linkTo } from '../route.ts';
import { usePages } from '../use-pages.ts';

/** Domains that mail is sent as. */
export function DomainsPage() {
  const list = usePages<Schemas['Domain']>('domains', (after) =>
    api
      .GET('/v1/domains', { params: { query: { limit: 100, ...(after !== undefined && { after }) } } })
      .then(dataOf),
  );
  const [adding, setAdding] = useState(false);
  return (
    <Page
      title="Domains"
      actions={
        may('admin') && (
          <button type="button" class="primary" onClick={() => setAdding(true)}>
            Add a domain
          </button>
        )
      }
    >
      {list.error !== undefined && <Notice kind="error">{list.error}</Notice>}
      <Panel>
        <Table
          label="Domains"
          rows={list.rows}
          keyOf={({ domain }) => domain}
          empty={
            list.loading
              ? 'Loading…'
              : 'There is no managed domain. Those of the configuration are not listed.'
          }
          columns={[
            { name: 'Domain', cell: ({ domain }) => <a href={linkTo('domains', domain)}>{domain}</a> },
            { name: 'Signs', cell: ({ ready }) => <Ready ready={ready} /> },
            { name: 'Status', cell: ({ status }) => status },
            { name: 'Tenant', wide: true, cell: ({ tenant }) => tenant ?? 'all' },
          ]}
        />
        <More list={list} />
      </Panel>
      {adding && <Add onClose={() => setAdding(false)} />}
    </Page>
  );
}

export function Ready({ ready }: { readonly ready: boolean }) {
  return ready ? <span class="tag fine">yes</span> : <span class="tag warning">not yet</span>;
}

function Add({ onClose }: { readonly onClose: () => void }) {
  const [domain, setDomain] = useState('');
  const [returnPath, setReturnPath] = useState('');
  const [tenant, setTenant] = useState('');
  const given = (name: string, value: string) => (value.trim() === '' ? {} : { [name]: value.trim() });
  return (
    <Dialog
      title="Add a domain"
      confirm="Add"
      ready={domain.trim() !== ''}
      onConfirm={() =>
        void act(async () => {
          const body = {
            domain: domain.trim(),
            ...given('returnPath', returnPath),
            ...given('tenant', tenant),
          };
          const added = dataOf(await api.POST('/v1/domains', { body }));
          goTo('domains', added.domain);
          return `${added.domain} is added; publish its records.`;
        })
      }
      onClose={onClose}
    >
      <p>Its keys are made. Mail of the domain waits until its records are published.</p>
      <Field label="Domain" value={domain} onInput={setDomain} placeholder="example.com" required />
      <Field
        label="Return path"
        value={returnPath}
        onInput={setReturnPath}
        placeholder="bounces.example.com"
        hint="Empty: return paths are as programs give them."
      />
      {seesAll() && (
        <Field label="Tenant" value={tenant} onInput={setTenant} hint="Empty: that of all tenants." />
      )}
    </Dialog>
  );
}
