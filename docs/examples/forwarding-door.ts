import { request as ask, type IncomingHttpHeaders } from 'node:http';
import express from 'express';
import { protect } from 'toolgrant/resource-server/express';

const { DOOR_ISSUER, DOOR_RESOURCE, DOOR_CREDENTIAL } = process.env;
const resource = DOOR_RESOURCE ?? 'http://localhost:3000/mcp';
const [upstream = ''] = process.argv.slice(2); // where nobody but this door can reach it

const app = express();
app.use(protect({ issuer: DOOR_ISSUER ?? 'http://localhost:4000', resource, credential: DOOR_CREDENTIAL }));

/** What both sides need of each other. Not `authorization`: the token is for this door, and no server behind it may use it. */
const isPassedOn = (name: string) => /^(?:mcp-.*|accept|content-type|last-event-id|cache-control|retry-after)$/.test(name);
const passOn = (headers: IncomingHttpHeaders) => Object.fromEntries(Object.entries(headers).filter(([name]) => isPassedOn(name)));

app.all(new URL(resource).pathname, (request, response, next) => {
  const asked = ask(upstream, { method: request.method, headers: passOn(request.headers) }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, passOn(answer.headers));
    answer.pipe(response);
    answer.on('error', () => response.destroy()); // the server hung up in the middle
  });
  asked.on('error', (error) => (response.headersSent ? response.destroy() : next(error)));
  response.on('close', () => asked.destroy());
  asked.end(request.body === undefined ? undefined : JSON.stringify(request.body)); // what was judged is what runs
});

app.listen(Number(new URL(resource).port));
