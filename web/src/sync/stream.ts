// What takes part in the stream of events: fetched behind the first screen, which comes without it.
export { Intake } from './intake';
export { Leading } from './leading';
