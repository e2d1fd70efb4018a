// mocha lets a floating rejection pass (mochajs/mocha issue 5507): turn it into a failure.
process.on('unhandledRejection', (reason) => {
  throw reason;
});
