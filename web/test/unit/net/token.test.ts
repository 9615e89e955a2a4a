import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withMutex } from '../../../src/net/mutex';

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});

it('one at a time, also where there are no locks', async () => {
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 4 }, () =>
      withMutex('m', async () => {
        most = Math.max(most, (inside += 1));
        await new Promise((resolve) => setTimeout(resolve, 20));
        inside -= 1;
      }),
    ),
  );
  expect(most).toBe(1);
  expect(localStorage.getItem('m')).toBe(null);
});

it('asks for a new token once, however many want one, and is out when the node says so', async () => {
  const token = await import('../../../src/net/token');
  const me = { id: 'u', username: 'anna', display_name: 'Anna', role: 'member' as const, created_at: '' };
  token.accept({ user: me, access_token: 'old', refresh_token: 'r1', expires_in: 900 }, 'local');
  expect(await token.accessToken()).toBe('old');
  const refreshed = vi.fn(async (_path: string, init: RequestInit) => {
    const { refresh_token } = JSON.parse(init.body as string) as { refresh_token: string };
    if (refresh_token !== 'r1') return new Response('{}', { status: 401 });
    return new Response(JSON.stringify({ user: me, access_token: 'new', refresh_token: 'r2', expires_in: 900 }));
  });
  vi.stubGlobal('fetch', refreshed);
  expect(await Promise.all([token.accessToken('old'), token.accessToken('old'), token.accessToken('old')])).toEqual(['new', 'new', 'new']);
  expect(refreshed).toHaveBeenCalledTimes(1);
  expect(JSON.parse(localStorage.getItem('nc.session')!).refresh_token).toBe('r2');
  const out = vi.fn();
  token.signedOut.add(out);
  await expect(token.accessToken('new')).rejects.toBeInstanceOf(token.SignedOut);
  expect(out).toHaveBeenCalledWith(false);
  expect(localStorage.getItem('nc.session')).toBe(null);
  expect(token.remembered()).toBe(null);
});

describe('people in one browser', () => {
  const person = (id: string) => ({ id, username: id, display_name: id, role: 'member' as const, created_at: '' });
  const login = (id: string, token: string) => ({ user: person(id), access_token: token, refresh_token: `${token}-r`, expires_in: 900 });
  let token: typeof import('../../../src/net/token');
  let net: typeof import('../../../src/net/api');
  beforeEach(async () => {
    vi.resetModules();
    token = await import('../../../src/net/token');
    net = await import('../../../src/net/api');
  });
  afterEach(() => void vi.unstubAllGlobals());

  it('what the node said with a token is no word about the next one, which another tab got', async () => {
    token.accept({ ...login('vera', 'old'), cursor: 'c.1' }, 'local');
    expect(await token.lastSaid('vera')).toMatchObject({ cursor: 'c.1' });
    const other = new BroadcastChannel('neuralchat');
    other.postMessage({ t: 'token', access: { user: 'vera', token: 'newer', until: Date.now() + 3_600_000 } });
    await vi.waitFor(async () => expect(await token.accessToken()).toBe('newer'));
    expect(await token.lastSaid('vera')).toBe(null);
    other.close();
  });

  it.each([['alone', false], ['with another tab', true]])('a tab that is %s asks the others for a token, or does not', async (_, others) => {
    const name = 'neuralchat.refresh:anna', there = others ? [{ name: 'neuralchat:leader:anna', clientId: 'other' }] : [];
    vi.stubGlobal('navigator', { locks: {
      request: (_name: string, _options: unknown, work: () => unknown) => work(),
      query: async () => ({ held: [{ name, clientId: 'me' }, ...there], pending: [{ name: 'neuralchat:leader:anna', clientId: 'me' }] }),
    } });
    const asked = vi.fn(), ear = new BroadcastChannel('neuralchat');
    ear.onmessage = ({ data }: MessageEvent<{ t: string }>) => void (data.t === 'token?' && asked());
    vi.stubGlobal('fetch', async () => new Response(JSON.stringify(login('anna', 'new'))));
    token.accept(login('anna', 'old'), 'local');
    expect(await token.accessToken('old')).toBe('new');
    await new Promise((done) => setTimeout(done, 20));
    ear.close();
    expect(asked).toHaveBeenCalledTimes(others ? 1 : 0);
  });

  it('a page that was reloaded while it asked for a token does not ask with the cookie that is being spent', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    vi.stubGlobal('BroadcastChannel', undefined); // nobody else is there to be asked
    vi.resetModules();
    const before = await import('../../../src/net/token');
    vi.stubGlobal('fetch', () => new Promise(() => {}));
    before.accept(login('anna', 'old'), 'cookie');
    void before.accessToken('old').catch(() => {});
    await vi.advanceTimersByTimeAsync(1_000);

    vi.resetModules();
    const now = await import('../../../src/net/token');
    localStorage.removeItem('neuralchat.refresh:anna'); // the page went, and its lock with it
    const asked = vi.fn(async () => new Response(JSON.stringify(login('anna', 'new'))));
    vi.stubGlobal('fetch', asked);
    now.remembered();
    const token = now.accessToken();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(asked).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await token).toBe('new');
    expect(localStorage.getItem('nc.asking')).toBe(null);
    // Answered, nobody waits.
    const next = now.accessToken('new');
    await vi.advanceTimersByTimeAsync(500);
    expect(asked).toHaveBeenCalledTimes(2);
    await next;
    vi.useRealTimers();
  });

  it('what one wrote is not said by the next', async () => {
    token.accept(login('anna', 'a'), 'local');
    const said: (string | null)[] = [];
    vi.stubGlobal('fetch', async (_path: string, init: RequestInit) => {
      said.push(new Headers(init.headers).get('Authorization'));
      // Anna leaves and Boris comes while her words are under way.
      token.leave();
      token.accept(login('boris', 'b'), 'local');
      return new Response('{}', { status: 401 });
    });
    await expect(net.api.post('/api/v1/rooms/r/messages', { text: 'mine' })).rejects.toMatchObject({ status: 401 });
    expect(said).toEqual(['Bearer a']);
    expect(token.whoAsks()).toBe('boris');
  });

  it('a refresh that ends after its person left does not put out the next one', async () => {
    token.accept(login('anna', 'a'), 'local');
    let answer: (response: Response) => void = () => {};
    let asked = false;
    vi.stubGlobal('fetch', () => {
      asked = true;
      return new Promise<Response>((resolve) => (answer = resolve));
    });
    const late = token.accessToken('a');
    await vi.waitFor(() => expect(asked).toBe(true));
    token.leave();
    token.accept(login('boris', 'b'), 'local');
    answer(new Response(JSON.stringify(login('anna', 'a2'))));
    await expect(late).rejects.toBeInstanceOf(token.SignedOut);
    expect(token.whoAsks()).toBe('boris');
    expect(await token.accessToken()).toBe('b');
  });

  it('who has no cookie neither sends nor loses it; who lost it is out', async () => {
    const sent: (RequestCredentials | undefined)[] = [];
    vi.stubGlobal('fetch', async (_path: string, init: RequestInit) => {
      sent.push(init.credentials);
      return new Response('{}', { status: init.method === 'POST' ? 400 : 200 });
    });
    token.accept(login('boris', 'b'), 'tab');
    await net.api.get('/api/v1/me');
    token.leave();
    token.accept(login('anna', 'a'), 'cookie');
    await expect(token.accessToken('a')).rejects.toBeInstanceOf(token.SignedOut);
    expect(sent).toEqual(['omit', 'same-origin']);
    expect(token.whoAsks()).toBe(undefined);
  });

  it('word of a leaving that comes late does not end a session that began since', async () => {
    const others = new BroadcastChannel('neuralchat');
    const out = vi.fn();
    token.signedOut.add(out);
    token.accept(login('anna', 'a'), 'local');
    others.postMessage({ t: 'out', user: 'anna', at: Date.now() - 1000 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(out).not.toHaveBeenCalled();
    others.postMessage({ t: 'out', user: 'anna', at: Date.now() });
    await vi.waitFor(() => expect(out).toHaveBeenCalledWith(true));
    others.close();
  });
});
