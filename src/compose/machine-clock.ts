/** The machine's time, for commands: they are given no other part of the platform. */
export { systemClock as machineClock } from '../platform/clock.ts';
