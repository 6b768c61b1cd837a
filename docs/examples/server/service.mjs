import Fastify from 'fastify';
import { HermError, open } from 'hermkit';
import { LEVELS, WidthController } from './width_controller.mjs';

/**
 * A service of one network: POST /predict, GET /health.
 *
 * @param file the .herm file: a path or an address
 * @param options.queue requests that may be under way; more are refused with 503
 * @param options.rows rows that one request may have
 * @param options.bodyLimit bytes of a request
 */
export async function createService(file, { levels = LEVELS, queue = 64, rows = 64, bodyLimit = 2 ** 20, block } = {}) {
  const net = await open(file, { block });
  await net.setWidth(levels[0].width);
  // Who is connected while the service stops gets answers, not 503.
  const app = Fastify({ bodyLimit, requestTimeout: 30_000, return503OnClosing: false, forceCloseConnections: 'idle' });
  const controller = new WidthController(net, levels, (error) => process.stderr.write(`no switch: ${error.message}\n`));
  let stopping = false;

  const row = { type: 'array', items: { type: 'number' }, minItems: net.inputs, maxItems: net.inputs };
  const body = {
    type: 'object',
    required: ['inputs'],
    properties: { inputs: { type: 'array', items: row, minItems: 1, maxItems: rows } },
  };

  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.url !== '/predict') return;
    if (controller.load >= queue) {
      reply.header('retry-after', 1);
      return reply.code(503).send({ error: 'OVERLOADED' });
    }
    controller.change(1);
    reply.raw.once('close', () => controller.change(-1));
  });

  app.addHook('onSend', async (_, reply) => {
    if (stopping) reply.header('connection', 'close');
  });

  app.post('/predict', { schema: { body } }, async (request, reply) => {
    const { inputs } = request.body;
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    // All of an answer is of one width, whatever is switched meanwhile.
    const network = net.current;
    const outputs = await network.forward(Float32Array.from(inputs.flat()), { signal: gone.signal });
    return {
      widths: network.widths,
      outputs: inputs.map((_, at) => [...outputs.subarray(at * net.outputs, (at + 1) * net.outputs)]),
    };
  });

  app.get('/health', async (_, reply) => {
    reply.code(stopping ? 503 : 200);
    return { status: stopping ? 'stopping' : 'ok', widths: net.current.widths, load: controller.load };
  });

  app.setErrorHandler((error, _, reply) => {
    const status = error.statusCode ?? (error instanceof HermError && error.code === 'ABORTED' ? 499 : 500);
    reply.code(status).send({ error: error.code ?? 'INTERNAL', message: error.message });
  });

  return {
    app,
    /** Takes no new connections, answers the requests under way, closes the network. */
    async stop() {
      stopping = true;
      await app.close();
      await net.close();
    },
  };
}
