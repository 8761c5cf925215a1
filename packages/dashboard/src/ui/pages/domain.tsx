import { useState } from 'preact/hooks';
import { api, apiRoot, dataOf, may, type Schemas } from '../api.ts';
import { Dialog } from '../dialog.tsx';
import { act, Copy, Facts, Loaded, Page, Panel, Table, When } from '../parts.tsx';
import { useResource } from '../resource.ts';
import { goTo, linkTo } from '../route.ts';
import { Ready } from './domains.tsx';

type Check = Schemas['DomainCheck'];

/** The colour of what was found: a record that is optional may be missing. */
function kindOf({ status, need }: Check['records'][number]): string {
  if (status === 'seen') return 'fine';
  if (status === 'unknown') return 'warning';
  if (status === 'missing' && need !== 'required') return need === 'recommended' ? 'warning' : '';
  return 'error';
}

/** A domain: its keys and where they are, the records to publish and what the servers say. */
export function DomainPage({ name }: { readonly name: string }) {
  const params = { params: { path: { domain: name } } };
  const domain = useResource(name, async () => dataOf(await api.GET('/v1/domains/{domain}', params)));
  const [check, setCheck] = useState<Check>();
  const [checking, setChecking] = useState(false);
  const [removing, setRemoving] = useState(false);
  const look = async () => {
    setChecking(true);
    await act(async () => {
      const found = dataOf(await api.POST('/v1/domains/{domain}/check', params));
      setCheck(found);
      domain.reload();
      return found.ok ? 'Every required record is seen.' : 'Some records are missing or wrong.';
    });
    setChecking(false);
  };
  return (
    <Page
      title={name}
      actions={
        <>
          {may('operate') && (
            <>
              <button type="button" class="primary" disabled={checking} onClick={() => void look()}>
                {checking ? 'Asking…' : 'Check DNS'}
              </button>
              <button
                type="button"
                onClick={() =>
                  void act(async () => {
                    dataOf(await api.POST('/v1/domains/{domain}/rotate', params));
                    domain.reload();
                    return 'The next keys are made; publish their records.';
                  })
                }
              >
                Rotate keys
              </button>
            </>
          )}
          <a
            class="button"
            href={`${apiRoot}v1/domains/${encodeURIComponent(name)}/zone`}
            download={`${name}.zone`}
          >
            Zone file
          </a>
          {may('admin') && (
            <button type="button" class="danger" onClick={() => setRemoving(true)}>
              Remove
            </button>
          )}
        </>
      }
    >
      <p>
        <a href={linkTo('domains')}>All domains</a>
      </p>
      <Loaded from={domain}>{(data) => <State domain={data} check={check} />}</Loaded>
      {removing && (
        <Dialog
          title={`Remove ${name}`}
          confirm="Remove"
          danger
          onConfirm={() =>
            void act(async () => {
              dataOf(await api.DELETE('/v1/domains/{domain}', params));
              goTo('domains');
              return `${name} is removed.`;
            })
          }
          onClose={() => setRemoving(false)}
        >
          <p>Its keys are deleted. Waiting mail of the domain can no longer be signed.</p>
        </Dialog>
      )}
    </Page>
  );
}

function State({ domain, check }: { readonly domain: Schemas['Domain']; readonly check: Check | undefined }) {
  const { ready, status, keys, records, tenant, returnPath, hostname } = domain;
  const checked = new Map((check?.records ?? []).map((one) => [`${one.type} ${one.name} ${one.value}`, one]));
  return (
    <>
      <Panel>
        <Facts
          facts={[
            ['Signs', <Ready key="ready" ready={ready} />],
            ['Status', status],
            tenant !== undefined && ['Tenant', tenant],
            hostname !== undefined && ['Name in EHLO', hostname],
            returnPath !== undefined && ['Return path', returnPath],
          ]}
        />
      </Panel>
      <Panel title="Keys">
        <Table
          label="Keys"
          rows={keys}
          keyOf={({ selector, algorithm }) => `${selector} ${algorithm}`}
          empty="There is no key."
          columns={[
            { name: 'Selector', cell: ({ selector }) => <code>{selector}</code> },
            { name: 'Algorithm', cell: ({ algorithm }) => algorithm },
            {
              name: 'State',
              cell: ({ state, signs }) => (
                <>
                  <span class={`tag ${signs ? 'fine' : ''}`}>{state}</span>
                  {signs && ' signs'}
                </>
              ),
            },
            { name: 'Since', cell: ({ since }) => <When at={since} /> },
            { name: 'Seen in DNS', cell: ({ seen, detail }) => detail ?? seen ?? 'not looked yet' },
          ]}
        />
      </Panel>
      <Panel title="Records to publish">
        <Table
          label="Records to publish"
          rows={records}
          keyOf={({ name, type, value, purpose }) => `${purpose} ${type} ${name} ${value}`}
          empty="Nothing to publish."
          columns={[
            { name: 'Need', cell: ({ need }) => need },
            { name: 'Name', cell: ({ name }) => <code>{name}</code> },
            { name: 'Type', cell: ({ type }) => type },
            {
              name: 'Value',
              cell: ({ name, type, value }) => (
                <>
                  <code>{value}</code> <Copy text={value} what={`the ${type} record of ${name}`} />
                </>
              ),
            },
            {
              name: 'In DNS',
              cell: ({ name, type, value, note }) => {
                const found = checked.get(`${type} ${name} ${value}`);
                if (!found) return <span class="muted">{note}</span>;
                return (
                  <>
                    <span class={`tag ${kindOf(found)}`}>{found.status}</span> {found.detail} {found.fix}
                  </>
                );
              },
            },
          ]}
        />
      </Panel>
    </>
  );
}
