// Given to a process by `--import`: names each of OpenTelemetry's files that it loads on standard error.
import { registerHooks } from 'node:module';

registerHooks({
  load(url, context, next) {
    if (url.includes('@opentelemetry')) process._rawDebug(`loaded ${url}`);
    return next(url, context);
  },
});
