/** `application/grpc`, alone or with a message format or parameters; not grpc-web. */
const grpcPattern = /^application\/grpc(?:$|[+;])/i;

/** Returns whether a media type is that of gRPC calls. */
export function isGrpcType(contentType: string | undefined): boolean {
  return contentType !== undefined && grpcPattern.test(contentType);
}
