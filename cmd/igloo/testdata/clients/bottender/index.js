// What Bottender calls for each event.
module.exports = async function app() {};
