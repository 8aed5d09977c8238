import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { CfnUserPoolGroup, UserPool, type UserPoolClient } from 'aws-cdk-lib/aws-cognito';
import { Construct } from 'constructs';
import type { StageProps } from './stage.ts';

const MIN_PASSWORD_LENGTH = 12;

/** Authentication: a user pool, the only client whose tokens are accepted, and the `admin` group. */
export class Identity extends Construct {
  /** Users of the stage. They cannot sign up themselves. */
  readonly userPool: UserPool;
  /** Client of the pages, the command line and phones. */
  readonly client: UserPoolClient;

  constructor(scope: Construct, id: string, stage: StageProps) {
    super(scope, id);
    this.userPool = new UserPool(this, 'UserPool', {
      selfSignUpEnabled: false,
      signInAliases: { email: true },
      autoVerify: { email: true },
      passwordPolicy: {
        minLength: MIN_PASSWORD_LENGTH,
        requireLowercase: true,
        requireUppercase: true,
        requireDigits: true,
        requireSymbols: true,
      },
      removalPolicy: stage.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.client = this.userPool.addClient('Client', {
      authFlows: { userSrp: true, userPassword: true },
      disableOAuth: true, // the pages sign in themselves
      generateSecret: false,
      preventUserExistenceErrors: true,
      accessTokenValidity: Duration.hours(1),
      idTokenValidity: Duration.hours(1),
      refreshTokenValidity: Duration.days(30),
    });
    new CfnUserPoolGroup(this, 'Admin', { userPoolId: this.userPool.userPoolId, groupName: 'admin' });
  }

  /** Environment variable of functions that serve API calls. They refuse tokens of other clients. */
  get env() {
    return { USER_POOL_CLIENT_ID: this.client.userPoolClientId };
  }
}
