// What people start from: an Express route answering a constant. Prints its URL.
import type { AddressInfo } from 'node:net';
import express from 'express';

const app = express();
app.get('/entitlements', (_request, response) => {
  response.json({ allowed: true, status: 200, access: 'full' });
});
const server = app.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
