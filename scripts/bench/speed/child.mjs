// A measurement's own process: gets {task, input}, sends {output} or {error}, ends.
process.once('message', async ({ task, input }) => {
  const answer = {};
  try {
    const { run } = await import(`./tasks/${task}.mjs`);
    const output = await run(input);
    answer.output = { ...output, peakBytes: process.resourceUsage().maxRSS * 1024 };
  } catch (error) {
    answer.error = error.stack;
  }
  process.send(answer, () => process.exit());
});
