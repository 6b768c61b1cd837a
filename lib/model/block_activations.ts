import { chooseActivations } from './activation_option.ts';
import { ACTIVATION_KEYS, configuredActivation } from './architectures/activations.ts';
import { asKnownModel, identify } from './architectures/find.ts';
import { knownActivation } from './architectures/known.ts';
import type { Activation, Block } from './block.ts';
import type { BlockShape } from './blocks.ts';
import { configFor } from './config.ts';
import { quoteName } from './messages.ts';
import type { ModelHeader } from './model.ts';

/** @throws HermError `ACTIVATION` when neither the option nor the model's metadata says it for every block. */
export function withActivations(
  shapes: readonly BlockShape[],
  header: ModelHeader,
  option: string | undefined,
): Block[] {
  const names = shapes.map(({ name }) => name);
  const known = namedActivations(shapes, header);
  const activations = chooseActivations(names, option, header.metadata, known, activationHint(header));
  return shapes.map((shape) => ({ ...shape, activation: activations.get(shape.name)! }));
}

function activationHint({ config }: ModelHeader): string {
  if (config === undefined) return 'A config.json beside it would: name the directory then.';
  const { model_type: type } = config.json;
  const whose = typeof type === 'string' ? ` (model_type ${quoteName(type)})` : '';
  return `${config.file}${whose} does not say it under a name that hermkit knows either (${ACTIVATION_KEYS.join(', ')}).`;
}

/** What the tensors' names and the model's configuration say of each block's activation; looked up when it is asked for. */
function namedActivations(
  shapes: readonly BlockShape[],
  header: ModelHeader,
): (block: string) => Activation | undefined {
  const model = asKnownModel(header);
  return (block) => {
    const { input, gate } = shapes.find(({ name }) => name === block)!;
    const known = identify(model, input.tensor);
    if (known !== undefined) return knownActivation(known, block);
    // Names alone show what is gated; of other linears that follow each other a configuration says nothing.
    const config = gate && header.config && configFor(header.config, block);
    return config && configuredActivation(config, ACTIVATION_KEYS, block);
  };
}
