// brewing: recipes for one call, and a kettle that can be watched: gRPC with one answer, and with a stream of them.

import {
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js';
import { Brewing, type GetRecipeRequest, type Kettle, type Recipe } from './brewing-api.ts';
import { parties } from './serve.ts';

const INSTANCE = process.env['INSTANCE'] ?? 'brewing';
const TELL_MS = 500;
/** Up and down again. */
const HEATING = [60, 64, 68, 72, 76, 80, 84, 88, 92, 96, 92, 84, 76, 68];

const RECIPES: Readonly<Record<string, Pick<Recipe, 'celsius' | 'minutes'>>> = {
  sencha: { celsius: 70, minutes: 2 },
  matcha: { celsius: 80, minutes: 1 },
  assam: { celsius: 96, minutes: 4 },
  oolong: { celsius: 88, minutes: 3 },
  rooibos: { celsius: 96, minutes: 7 },
  chai: { celsius: 96, minutes: 5 },
};

function getRecipe(call: ServerUnaryCall<GetRecipeRequest, Recipe>, done: sendUnaryData<Recipe>): void {
  const { tea } = call.request;
  const recipe = Object.hasOwn(RECIPES, tea) ? RECIPES[tea] : undefined;
  if (recipe === undefined) done({ code: status.NOT_FOUND, details: `no tea is called ${tea}` });
  else done(null, { ...recipe, instance: INSTANCE, ...parties(call.metadata.getMap()) });
}

/** Has no end of its own: only the caller's leaving ends it. */
function watchKettle(call: ServerWritableStream<unknown, Kettle>): void {
  let told = 0;
  const tell = () => {
    // A caller that does not keep up is told the temperature of later instead.
    if (!call.writableNeedDrain) call.write({ celsius: HEATING[told++ % HEATING.length] as number });
  };
  const timer = setInterval(tell, TELL_MS);
  call.on('cancelled', () => clearInterval(timer));
  call.on('close', () => clearInterval(timer));
  tell();
}

const server = new Server();
server.addService(Brewing.service, { getRecipe, watchKettle });
const address = `${process.env['BIND'] ?? '127.0.0.1'}:${process.env['PORT'] ?? 0}`;
server.bindAsync(address, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
  process.stdout.write(`${INSTANCE} is ready\n`);
});
process.on('SIGTERM', () => {
  // A watched kettle never ends by itself.
  server.forceShutdown();
  process.exit(0);
});
