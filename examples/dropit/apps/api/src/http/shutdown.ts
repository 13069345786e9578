import type { Server, ServerResponse } from "node:http";
import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";

/**
 * Lets the server close as soon as the last request in flight has its answer.
 *
 * Node.js closes only the connections that are idle at the moment of `close()`; one that becomes
 * idle later would hold the process until its keep-alive time is over. So every answer given
 * during the shutdown says `Connection: close`, and what became idle is closed.
 */
@Injectable()
export class Shutdown implements OnModuleInit, BeforeApplicationShutdown {
  private readonly inFlight = new Set<ServerResponse>();
  private closing = false;

  constructor(private readonly host: HttpAdapterHost) {}

  onModuleInit(): void {
    const server: Server = this.host.httpAdapter.getHttpServer();
    server.prependListener("request", (_request, response) => {
      this.inFlight.add(response);
      this.announce(response);
      response.once("close", () => {
        this.inFlight.delete(response);
        if (this.closing) {
          setImmediate(() => server.closeIdleConnections());
        }
      });
    });
  }

  beforeApplicationShutdown(): void {
    this.closing = true;
    for (const response of this.inFlight) {
      this.announce(response);
    }
  }

  private announce(response: ServerResponse): void {
    if (this.closing && !response.headersSent) {
      response.setHeader("Connection", "close");
    }
  }
}
