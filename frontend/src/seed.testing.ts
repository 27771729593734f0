/** Continuous integration tries the same examples each time, so that it speaks of what was changed; elsewhere each run draws new ones. */
import fc from 'fast-check';

if (process.env['CI']) fc.configureGlobal({ seed: 20_260_101 });
