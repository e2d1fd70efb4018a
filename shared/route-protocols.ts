/** The protocols that routes and plugins may name. */
export const routeProtocols = ['grpc', 'grpcs', 'http', 'https'] as const;

export type RouteProtocol = (typeof routeProtocols)[number];
