import express from 'express';
import { AccessError, createVerifier } from 'toolgrant/resource-server';

const verifier = createVerifier({
  issuer: 'http://localhost:4000',
  resource: 'http://localhost:3000/mcp',
  credential: process.env.NOTES_CREDENTIAL ?? '',
});

const app = express();
app.use(async (request, response, next) => {
  const access = await verifier.verify(request.headers.authorization).catch((error: Error) => error);
  if (access instanceof AccessError) response.sendStatus(access.code === 'temporarily_unavailable' ? 503 : 401);
  else if (access instanceof Error) next(access);
  else if (!access.allows('read_notes')) response.sendStatus(403);
  else next();
});

app.get('/notes', (_request, response) => {
  response.json(['Buy milk.']);
});

app.listen(3000);
