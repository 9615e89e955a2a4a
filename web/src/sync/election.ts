// Which tab holds the socket, as a state machine: what happens goes in, what is to be done comes out. A lock that
// the browser keeps (Web Locks) makes sure there is one at most; this decides when to ask for it, give it up or take it.
export interface Tab {
  role: 'follower' | 'leader';
  visible: boolean;
  /** Frozen or put away: takes part in nothing. */
  away: boolean;
  /** When a leader was last heard, or, of a leader, last spoke. */
  beat: number;
  /** When this tab's clock last ticked: a tab that slept has heard nobody. */
  ticked: number;
}
export type Input =
  | { t: 'start' | 'granted' | 'lost' | 'freeze' | 'thaw' | 'tick' }
  | { t: 'visible'; on: boolean }
  | { t: 'heard-beat'; visible: boolean }
  | { t: 'heard-want'; from: string }
  | { t: 'heard-yield' };
export type Action = { do: 'request' | 'abort' | 'steal' | 'release' | 'lead' | 'follow' | 'say-beat' | 'say-want' } | { do: 'say-yield'; to: string };

export const BEAT_MS = 5_000;
export const SILENCE_MS = 12_000;
/** A hidden tab lets a visible one go first when a leader is silent. */
const HIDDEN_MS = 1_500;

export const newTab = (visible: boolean, now: number): Tab => ({ role: 'follower', visible, away: false, beat: now, ticked: now });

export function step(tab: Tab, input: Input, now: number): [Tab, Action[]] {
  switch (input.t) {
    case 'start':
      return [{ ...tab, beat: now, ticked: now }, [{ do: 'request' }, ...(tab.visible ? [{ do: 'say-want' } as const] : [])]];
    case 'granted':
      if (tab.away) return [tab, [{ do: 'release' }]];
      return [{ ...tab, role: 'leader', beat: now }, [{ do: 'lead' }, { do: 'say-beat' }]];
    case 'lost':
      return [{ ...tab, role: 'follower', beat: now }, [...(tab.role === 'leader' ? [{ do: 'follow' } as const] : []), ...(tab.away ? [] : [{ do: 'request' } as const])]];
    case 'freeze':
      return [{ ...tab, away: true, role: 'follower' }, tab.role === 'leader' ? [{ do: 'follow' }, { do: 'release' }] : [{ do: 'abort' }]];
    case 'thaw':
      if (!tab.away) return [tab, []];
      return [{ ...tab, away: false, beat: now, ticked: now }, [{ do: 'request' }, ...(tab.visible ? [{ do: 'say-want' } as const] : [])]];
    case 'visible':
      return [{ ...tab, visible: input.on }, tab.away ? [] : tab.role === 'leader' ? [{ do: 'say-beat' }] : input.on ? [{ do: 'say-want' }] : []];
    case 'tick':
      return tick(tab, now);
    case 'heard-beat':
      return [{ ...tab, beat: now }, tab.role === 'follower' && tab.visible && !tab.away && !input.visible ? [{ do: 'say-want' }] : []];
    case 'heard-want':
      // The one who wants takes it from our hands: nobody else in the queue comes between.
      return [tab, tab.role === 'leader' && !tab.visible ? [{ do: 'say-yield', to: input.from }] : []];
    case 'heard-yield':
      return [tab, tab.role === 'follower' && tab.visible && !tab.away ? [{ do: 'steal' }] : []];
  }
}

function tick(before: Tab, now: number): [Tab, Action[]] {
  const slept = now - before.ticked > BEAT_MS;
  const tab = { ...before, ticked: now };
  if (tab.away) return [tab, []];
  if (tab.role === 'leader') return now - tab.beat >= BEAT_MS ? [{ ...tab, beat: now }, [{ do: 'say-beat' }]] : [tab, []];
  if (slept) return [{ ...tab, beat: now }, []];
  const patience = SILENCE_MS + (tab.visible ? 0 : HIDDEN_MS);
  return now - tab.beat >= patience ? [{ ...tab, beat: now }, [{ do: 'steal' }]] : [tab, []];
}
