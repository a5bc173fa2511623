/**
 * Schedulers that are wrong on purpose, each in one way, and the rule that each breaks. Most are mistakes that are easily made.
 *
 * @module
 */
import {
  type ConnectionView,
  fastest,
  HOLD,
  minRtt,
  type PathId,
  type Scheduler,
  type SchedulerFactory,
  send,
  sendCopies,
  type Work,
} from "../../schedulers/mod.ts";

/** A scheduler and the rule that it breaks. */
export interface Broken {
  readonly breaks: string;
  readonly factory: SchedulerFactory;
}

/** Decides as min-RTT does but for what is given here. */
function almostMinRtt(changes: Partial<Scheduler>): Scheduler {
  return { name: "broken", schedule: minRtt().schedule, ...changes };
}

/** Schedules so. */
function scheduling(make: () => Scheduler["schedule"]): SchedulerFactory {
  return () => almostMinRtt({ schedule: make() });
}

const { schedule: sound } = minRtt();

const forgetsTheAnswer = scheduling(() => (work, view) =>
  work.urgency === 7 ? undefined as unknown as typeof HOLD : sound(work, view)
);

const throwsAtDatagrams = scheduling(() => (work, view) => {
  if (work.kind === "datagram" && work.deadline < Infinity) throw new Error("deadlines are not supported");
  return sound(work, view);
});

const mistypesReinjection: SchedulerFactory = () => almostMinRtt({ reinjection: "always" as "never" });

/** Waits for a whole window's worth. */
const waitsForMore = scheduling(() => (work, view) => view.backlog < 20_000 ? HOLD : sound(work, view));

/** Waits for the path that it likes best, whatever that one does. */
const waitsForOne = scheduling(() => (_work, view) => {
  const best = view.paths.find(({ label }) => label === "wifi") ?? view.paths[0];
  return best === undefined || best.status === "backup" ? HOLD : send(best);
});

/** Keeps the path that it saw first. */
const keepsItsFirstPath = scheduling(() => {
  let first: { id: PathId } | undefined;
  return (_work, view) => send(first ??= { id: view.paths[0]!.id });
});

const countsFromZero = scheduling(() => {
  let next = 0;
  return (_work, { paths }) => send({ id: next++ % paths.length });
});

const acknowledgesAnywhere: SchedulerFactory = () => almostMinRtt({ ackPath: () => 0 });

/** The lowest round-trip time of all, backups included. */
const ignoresStatus = scheduling(() => (_work, view) => {
  const path = fastest(view, ({ room }) => room > 0);
  return path === undefined ? HOLD : send(path);
});

const spillsOnBackups = scheduling(() => (work, view) => {
  const decision = sound(work, view);
  const other = view.paths.find(({ room }) => room > 0);
  return decision === HOLD && other !== undefined && work.kind !== "reinject" ? send(other) : decision;
});

/** Copies to all others, the backups too. */
const copiesToBackups = scheduling(() => (work, view) => {
  const { path } = sound(work, view);
  return path < 0 ? HOLD : sendCopies({ id: path }, others(view, path));
});

/** Repeats everything on whatever other path there is. */
const repeatsOnBackups: SchedulerFactory = () => almostMinRtt({ reinjection: "when-idle" });

function others({ paths }: ConnectionView, than: PathId): PathId[] {
  return paths.filter(({ id }) => id !== than).map(({ id }) => id);
}

const copiesToItself = scheduling(() => (work, view) => {
  const { path } = sound(work, view);
  return path < 0 ? HOLD : sendCopies({ id: path }, [path]);
});

const copiesTwice = scheduling(() => (work, view) => {
  const { path } = sound(work, view);
  const all = others(view, path).filter((id) => view.paths.find((one) => one.id === id)!.status === "available");
  return path < 0 ? HOLD : sendCopies({ id: path }, [...all, ...all]);
});

/** Gives a stream no turn while there is anything else to wait for. */
const starvesAStream = scheduling(() => (work, view) => work.streamId === 4 ? HOLD : sound(work, view));

/** Does not send lost data again. */
const forgetsLosses = scheduling(() => (work, view) => work.kind === "retransmit" ? HOLD : sound(work, view));

/** Compares the first path with the second. */
const needsTwoPaths = scheduling(() => (work, view) => {
  const [first, second] = view.paths;
  return first!.srtt <= second!.srtt ? sound(work, view) : sound(work, view);
});

/** Divides by the number of the others. */
const holdsWhenAlone = scheduling(() => (work, view) => view.paths.length === 1 ? HOLD : sound(work, view));

const expectsRoom = scheduling(() => (_work, view) => {
  const roomy = view.paths.filter(({ room, status }) => room > 0 && status === "available");
  const path = roomy.sort((a, b) => a.srtt - b.srtt)[0] ?? view.paths.find(({ room }) => room > 0);
  return send({ id: path!.id });
});

/** Gives up after a time in which nothing could be sent. */
const givesUp = scheduling(() => {
  let lastRoom = -1;
  return (work, view) => {
    const waited = lastRoom < 0 ? 0 : view.now - lastRoom;
    if (waited > 250 && view.paths.every(({ ptoCount }) => ptoCount > 0)) lastRoom = -Infinity;
    else if (lastRoom > -Infinity) lastRoom = view.now;
    return lastRoom === -Infinity ? HOLD : sound(work, view);
  };
});

/** Has a table of paths from when it began. */
const knowsTheFirstPathsOnly: SchedulerFactory = () => {
  let known: Map<PathId, number> | undefined;
  return almostMinRtt({
    schedule(work, view) {
      known ??= new Map(view.paths.map(({ id }) => [id, 0]));
      for (const { id } of view.paths) {
        if (!known.has(id)) throw new Error(`path ${id} is not known`);
      }
      return sound(work, view);
    },
  });
};

/** Cannot do without a path that is gone. */
const mournsPaths: SchedulerFactory = () => {
  let isSad = false;
  return almostMinRtt({
    schedule: (work, view) => isSad ? HOLD : sound(work, view),
    onEvent(event) {
      if (event.type === "path-closed") isSad = true;
    },
  });
};

/** Takes every loss for the end, those too that were none. */
const fearsLosses: SchedulerFactory = () => {
  let losses = 0;
  return almostMinRtt({
    schedule: (work, view) => losses > 2 ? HOLD : sound(work, view),
    onEvent(event) {
      if (event.type === "loss") losses++;
    },
  });
};

/** Learns of paths by events only, and so of none that were there before. */
const hearsOnly: SchedulerFactory = () => {
  const heard = new Set<PathId>();
  return almostMinRtt({
    schedule(work: Work, view: ConnectionView) {
      return view.paths.some(({ id }) => heard.has(id)) ? sound(work, view) : HOLD;
    },
    onEvent(event) {
      if (event.type === "path-usable") heard.add(event.path);
    },
  });
};

/** One for all connections. */
function makeShared(): SchedulerFactory {
  let turn = 0;
  return scheduling(() => (work, view) => {
    const roomy = view.paths.filter(({ room, status, ptoCount }) =>
      room > 0 && status === "available" && ptoCount === 0
    );
    return roomy.length === 0 ? sound(work, view) : send(roomy[turn++ % roomy.length]!);
  });
}

const throwsDice = scheduling(() => (work, view) => {
  const roomy = view.paths.filter(({ room, status, ptoCount }) => room > 0 && status === "available" && ptoCount === 0);
  return roomy.length === 0 ? sound(work, view) : send(roomy[Math.floor(Math.random() * roomy.length)]!);
});

const ANSWERS = "answers every question";
const HOLDS = "never holds while nothing is in flight, data waits and a path has room";
const UNUSABLE = "never picks an unusable path";
const BACKUPS = "spares backups while others work";
const DUPLICATES = "keeps duplicates bounded";
const ONCE = "has every byte arrive once";
const SINGLE = "survives a single path";
const BLOCKED = "survives all paths blocked";
const CHURN = "survives paths coming and going at any step";
const REORDERING = "survives reordering";
const SWAP = "survives a mode swap at any packet";
const SAME = "decides the same for the same seed";

/** All of them, by what they do. */
export const BROKEN: Readonly<Record<string, Broken>> = {
  "answers nothing now and then": { breaks: UNUSABLE, factory: forgetsTheAnswer },
  "throws at datagrams with a deadline": { breaks: ANSWERS, factory: throwsAtDatagrams },
  "says a word that there is not": { breaks: ANSWERS, factory: mistypesReinjection },
  "waits for more data": { breaks: HOLDS, factory: waitsForMore },
  "waits for one path": { breaks: HOLDS, factory: waitsForOne },
  "keeps its first path for ever": { breaks: UNUSABLE, factory: keepsItsFirstPath },
  "takes places in the list for ids": { breaks: UNUSABLE, factory: countsFromZero },
  "acknowledges on path 0": { breaks: UNUSABLE, factory: acknowledgesAnywhere },
  "ignores statuses": { breaks: BACKUPS, factory: ignoresStatus },
  "spills on backups": { breaks: BACKUPS, factory: spillsOnBackups },
  "copies to backups": { breaks: BACKUPS, factory: copiesToBackups },
  "repeats on backups what is on a path that works": { breaks: BACKUPS, factory: repeatsOnBackups },
  "copies to the same path": { breaks: DUPLICATES, factory: copiesToItself },
  "copies twice": { breaks: DUPLICATES, factory: copiesTwice },
  "starves a stream": { breaks: ONCE, factory: starvesAStream },
  "forgets what is lost": { breaks: ONCE, factory: forgetsLosses },
  "needs two paths": { breaks: SINGLE, factory: needsTwoPaths },
  "holds with a single path": { breaks: SINGLE, factory: holdsWhenAlone },
  "expects room": { breaks: BLOCKED, factory: expectsRoom },
  "gives up": { breaks: BLOCKED, factory: givesUp },
  "knows the first paths only": { breaks: CHURN, factory: knowsTheFirstPathsOnly },
  "mourns paths": { breaks: CHURN, factory: mournsPaths },
  "fears losses": { breaks: REORDERING, factory: fearsLosses },
  "learns of paths by events only": { breaks: SWAP, factory: hearsOnly },
  "shares its state": { breaks: SAME, factory: makeShared() },
  "throws dice": { breaks: SAME, factory: throwsDice },
};
