import { consumerEntity } from './consumer.ts';
import type { EntityDescriptor } from './entity.ts';
import { pluginEntity } from './plugin.ts';
import { routeEntity } from './route.ts';
import { serviceEntity } from './service.ts';

/** All kinds of entities, parents before the children that refer to them. */
export const entities: readonly EntityDescriptor[] = [serviceEntity, routeEntity, consumerEntity, pluginEntity];
