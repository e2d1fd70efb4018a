import { type EntityFault, toldFaultsMax } from '../../shared/config-source.ts';

/** Bounds of the texts of a fault, in characters. */
const nameCharsMax = 255;
const pathCharsMax = 1_000;
const messageCharsMax = 1_000;
/** Bound of all faults of a message in bytes: half of what a message of a node may have. */
const faultsBytesMax = 2 * 1024 * 1024;

/** Cuts the faults to the number and length that travel. */
export function toldFaults(faults: readonly EntityFault[]): EntityFault[] {
  const told: EntityFault[] = [];
  let bytes = 0;
  for (const { entityType, entityId, entityName, path, message } of faults.slice(0, toldFaultsMax)) {
    const fault = {
      entityType: entityType.slice(0, nameCharsMax),
      entityId: entityId.slice(0, nameCharsMax),
      entityName: entityName.slice(0, nameCharsMax),
      path: path.slice(0, pathCharsMax),
      message: message.slice(0, messageCharsMax),
    };
    bytes += Object.values(fault).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (bytes > faultsBytesMax) break;
    told.push(fault);
  }
  return told;
}
