import { CONTRACT_VERSION } from '../../../src/contract/version.ts';
import { recordContract } from './contract-record.ts';

recordContract(CONTRACT_VERSION);
