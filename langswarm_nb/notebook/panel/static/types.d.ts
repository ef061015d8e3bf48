// What travels between the kernel and the page. Types only: nothing here reaches the browser.

/** A message as the panel shows it; made by `langswarm_nb.notebook.panel.items`. */
export interface Item {
  id: string;
  role: "user" | "assistant" | "system" | "tool";
  /** The text as it is stored, for copying, editing and the raw view. */
  text: string;
  /** The text as safe HTML, from the one renderer; null for what is shown as plain text. */
  html: string | null;
  /** The model's thinking as safe HTML; empty when there is none. */
  thinking: string;
  /** Its number among its versions, how many there are, and the ids of its neighbours. */
  version: [number, number, string | null, string | null];
  hidden: boolean;
  status: "ok" | "stopped" | "error";
  /** Who answered, tokens, seconds, money. */
  note: string;
  error: string;
  /** When it was made, in milliseconds since 1970; null when that is not known. */
  at: number | null;
  /** What is attached to it, where something is. */
  attached?: Chip[];
  /** What a service did for it, and its sources, as safe HTML. */
  carried?: string;
  /** Set instead of `text` and `html` when the page has streamed them: how much of its HTML stays, and what follows. */
  streamed?: { length: number; keep: number; rest: string };
}

/** A reply while it arrives. Lengths and positions count as JavaScript does. */
export interface Live {
  id: string;
  /** Of the last delta that is in it. */
  number: number;
  text: string;
  thinking: string;
  /** Safe HTML of all that has arrived. */
  html: string;
  /** How much of `html` stands for blocks that will not change any more. */
  settled: number;
  /** Asked by a cell or other code. */
  foreign: boolean;
  /** What is being waited for. */
  note: string;
  /** A piece was lost on the way: the text stands still until the kernel has sent it whole. */
  torn?: boolean;
  /** The kernel ended: there will be no more. */
  cut?: boolean;
}

/** An attachment; its bytes are asked for by their hash. */
export interface Chip {
  kind: "image" | "file" | "audio";
  name: string;
  /** Type, pixels, pages, size, in words. */
  facts: string;
  /** What was done to it, such as that its location was removed. */
  note?: string;
  hash?: string;
  /** Whether a page can show it. */
  picture?: boolean;
  /** Where it is, of one whose bytes are not kept. */
  url?: string;
}

/** What is attached to the message that is being written, by the id that the page gave. */
export interface DraftChip extends Chip {
  id: string;
}

export interface Transcript {
  rev: number;
  /** Messages before the first of `messages`. */
  earlier: number;
  messages: Item[];
  live: Live | null;
}

export interface Patch {
  type: "patch";
  rev: number;
  earlier: number;
  /** So many of the old messages stay as the beginning. */
  keep: number;
  /** Ids of those that follow. */
  tail: string[];
  /** Those of all that are new or changed. */
  items: Item[];
  live: Live | null;
}

export interface Delta {
  type: "delta";
  id: string;
  /** One more than that of the delta before. */
  number: number;
  /** What came of the text and of the thinking. */
  text: string;
  thinking: string;
  /** How much of the HTML stays, and what follows it now. */
  keep: number;
  html: string;
  settled: number;
}

export interface Snapshot extends Transcript {
  type: "snapshot";
}

export interface Info {
  sessionId: string;
  /** Its label, by which commands find it. */
  name: string;
  /** What it is about, from its first question; empty when somebody has named it. */
  title: string;
  model: string;
  /** The model repeats or plays what it was given; no service is asked. */
  offline: boolean;
  archived: boolean;
  branch: string;
  branches: string[];
  system: string;
  options: Record<string, number | null>;
  /** Of the last request. */
  contextUsed: string;
  contextLimit: string;
  contextShare: number | null;
  last: string;
  total: string;
  /** What may be spent, and what is left of it, in words and as a share; null when there is no limit. */
  budget: { text: string; share: number } | null;
  exports: string[];
}

export interface State {
  transcript: Transcript;
  info: Info;
  attached: DraftChip[];
  busy: boolean;
  /** What went wrong last, apart from what messages tell; empty when nothing did. */
  problem: string;
  height: string;
  theme: "auto" | "light" | "dark";
  enter_sends: boolean;
  panel_id: string;
  /** The kernel has ended; known to the page alone. */
  gone?: boolean;
}

/** What anywidget hands over. */
export interface Model {
  get<K extends keyof State>(key: K): State[K];
  set<K extends keyof State>(key: K, value: State[K]): void;
  on(event: string, callback: (...args: any[]) => void): void;
  off(event: string, callback: (...args: any[]) => void): void;
  send(content: unknown, callbacks?: undefined, buffers?: ArrayBuffer[]): void;
  widget_manager?: any;
}

export interface Choice {
  value: string;
  label: string;
  /** Another name by which it is found. */
  name?: string;
  hint?: string;
  current?: boolean;
  /** Heading under which it stands, with its neighbours of the same one. */
  group?: string;
  /** Words of which those typed are marked. */
  snippet?: string;
  /** Id of a message that the choice leads to. */
  message?: string;
  /** A cell that makes it possible to choose it. */
  code?: string;
}

export interface Link {
  /** Names this view of the panel. */
  view: string;
  /** Asks the kernel; resolves with its answer, however late, and rejects with a `KernelError`. */
  ask(type: string, content?: Record<string, unknown>, onSilence?: () => void, buffers?: ArrayBuffer[]): Promise<any>;
}

/** Small pictures of attachments. */
export interface Pictures {
  /** Puts the picture into a box, as soon as the box is seen; where there is none the box stays as it is. */
  show(box: HTMLElement, hash: string): void;
}

/** What the parts of a panel share. */
export interface Context {
  model: Model;
  link: Link;
  pictures: Pictures;
  signal: AbortSignal;
  announce(text: string): void;
  /** Says what was done, and offers one thing more to do. */
  notice(text: string, offer?: { label: string; run(): void }): void;
  /** Says what went wrong; an empty text takes it back. */
  fail(text: string): void;
  /** Asks and shows what went wrong; undefined when something did. */
  attempt(type: string, content?: Record<string, unknown>): Promise<any>;
}
