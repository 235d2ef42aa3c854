import { Global, Module, type Provider } from '@nestjs/common';
import { Explainer } from '../backend/explainer.js';
import { DELIVERY_WATCH } from '../delivery/delivery-watch.js';
import { AllRecords } from './all-records.js';
import { ExplainService } from './explain-service.js';
import { FlightRecorder } from './flight-recorder.js';
import { LocalRecord } from './local-record.js';

const PROVIDERS: Provider[] = [
  FlightRecorder,
  LocalRecord,
  AllRecords,
  { provide: Explainer, useClass: ExplainService },
  {
    provide: DELIVERY_WATCH,
    inject: [FlightRecorder],
    useFactory: (recorder: FlightRecorder) => (recorder.isOff ? undefined : recorder),
  },
];

/** What happened to a socket, and why. */
@Global()
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class RecorderModule {}
