import type { NamedEvent } from '../services/search-audit.ts';

/** The columns of events, as people read them. */
export const eventHeadings = ['TIME', 'TYPE', 'OUTCOME', 'PERSON', 'AGENT', 'SERVER', 'TOOL', 'BY', 'ADDRESS'];

/** An event as a row of them. */
export function eventRow({ event, email, agent, server }: NamedEvent): string[] {
  const { at, type, outcome, assurance, userId, clientId, serverId, tool, actorType, actorId, address } = event;
  return [
    `${at.slice(0, 19).replace('T', ' ')}Z`,
    type,
    assurance === 'reported' ? `${outcome} (reported)` : outcome,
    email ?? userId ?? '',
    agent ?? clientId ?? '',
    server ?? serverId ?? '',
    tool ?? '',
    // People, clients and servers stand in their own columns; an operator has none.
    actorType === 'operator' && typeof actorId === 'string' ? `operator ${actorId}` : actorType,
    address ?? '',
  ];
}

/** An event as programs read it: what was recorded, with the names beside the ids. */
export function eventToJson({ event, ...names }: NamedEvent): object {
  const entries = Object.entries({ ...event, ...names }).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(entries);
}
