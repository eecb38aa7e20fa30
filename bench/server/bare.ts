// The floor: node:http answering a constant of about our answer's size. Prints its URL.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const body = '{"allowed":true,"status":200,"access":"full"}';
const headers = ['Content-Type', 'application/json', 'Content-Length', String(body.length)];
const server = createServer((_request, response) => {
  response.writeHead(200, headers);
  response.end(body);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
