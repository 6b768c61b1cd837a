import { roundTrip } from './round_trip.mjs';

console.log(JSON.stringify(await roundTrip(process.argv[2], process.argv[3])));
