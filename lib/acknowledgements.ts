/** Accepted findings of cdk-nag and CDK, each with its reason. A finding without a reason fails test/template. */
import { type Stack, Validations } from 'aws-cdk-lib';

const OBJECTS_OF_USERS =
  'access is limited to objects that users upload and those made from them; their keys are not known in advance';
const INDEXES = 'the grant covers only the table and its own indexes';
const RUNS = 'executions of the stage’s own state machine; their names are created at run time';

const PUBLISHING = 'CDK’s function that copies the built pages into their bucket, with the permissions that CDK grants';

const ACKNOWLEDGED: Readonly<Record<string, string>> = {
  'AwsSolutions-CFR1': 'users record from anywhere; a stage that needs geo restrictions adds them',
  'AwsSolutions-CFR2': 'AWS WAF would cost more than everything else together; the pages are static, and the API throttles',
  'AwsSolutions-CFR3': 'access logs of static files add nothing to the API’s own logs',
  'AwsSolutions-CFR4': 'the TLS version of CloudFront’s default certificate is fixed; viewers are redirected to https',
  'CloudFormation-Validate::W9010': 'the deployer pins the image of the region: docs/deploying.md',
  'AwsSolutions-L1': 'the function that publishes the pages is CDK’s own, with the runtime that CDK chose',
  'AwsSolutions-IAM5[Action::s3:DeleteObject*]': PUBLISHING,
  'AwsSolutions-IAM5[Action::s3:Abort*]': PUBLISHING,
  'AwsSolutions-IAM5[Resource::<SiteBucket978D4AEB.Arn>/*]': PUBLISHING,
  'AwsSolutions-S1':
    'access logs would cost more than the storage; an account that needs them can enable CloudTrail data events for the bucket',
  'AwsSolutions-COG2': 'a recorder on a phone signs in once; a stage that needs MFA enables it in its user pool',
  'AwsSolutions-COG8': 'the Plus tier costs per user and month; a stage that needs it enables it',
  'AwsSolutions-VPC7': 'the machines have no ingress and no peers; flow logs would show only their own calls to AWS',
  'AwsSolutions-EC29': 'the machine stores nothing that cannot be recreated; it is deleted with its stack',
  'AwsSolutions-APIG4': 'the routes without authorizer are public on purpose: the health check and the OpenAPI document',
  'AwsSolutions-SQS3': 'these queues are dead-letter queues themselves',
  'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]':
    'this policy only allows a function to write its own logs',
  'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedInstanceCore]':
    'AWS’s policy for access to the machine without an open port',
  'AwsSolutions-IAM5[Resource::<StorageBucket5CB7C8EA.Arn>/users/*]': OBJECTS_OF_USERS,
  'AwsSolutions-IAM5[Resource::<StorageBucket5CB7C8EA.Arn>/machine/*]':
    "copies of the worker's environments and models, shared by the machines of the stage",
  'AwsSolutions-IAM5[Resource::<StorageBucket5CB7C8EA.Arn>/models/*]': 'models that an operator uploaded; read only',
  'AwsSolutions-IAM5[Resource::<StorageBucket5CB7C8EA.Arn>/batch-reports/*]': 'reports are named after the times of their runs',
  'AwsSolutions-IAM5[Resource::<BatchRunnerE42A9BBA.Arn>:*]': 'versions of the function that advances batch runs',
  'AwsSolutions-IAM5[Resource::<StorageChunks4C8F3F89.Arn>/index/*]': INDEXES,
  'AwsSolutions-IAM5[Resource::<StorageSessionsFCE686BD.Arn>/index/*]': INDEXES,
  'AwsSolutions-IAM5[Resource::<StorageLedger5E7CB2E3.Arn>/index/*]': INDEXES,
  'AwsSolutions-IAM5[Resource::<StorageJobs4C7573CB.Arn>/index/*]': INDEXES,
  'AwsSolutions-IAM5[Resource::<StorageWebhooksD52FC28E.Arn>/index/*]': INDEXES,
  'AwsSolutions-IAM5[Resource::*]':
    'ec2:DescribeInstances, X-Ray and log delivery have no resource-level permissions; a condition limits metrics to one namespace',
  'AwsSolutions-IAM5[Resource::<FleetControlCAD25BCA.Arn>:*]': 'versions of the function that the workflow invokes',
  'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:{"Fn::Select":[6,{"Fn::Split":[":",{"Ref":"WorkflowRunFC1E545A"}]}]}:*]':
    RUNS,
  'AwsSolutions-IAM5[Action::s3:GetObject*]': 'read access to the worker bundle in the asset bucket, as CDK grants it',
  'AwsSolutions-IAM5[Action::s3:GetBucket*]': 'read access to the worker bundle in the asset bucket, as CDK grants it',
  'AwsSolutions-IAM5[Action::s3:List*]': 'read access to the worker bundle in the asset bucket, as CDK grants it',
  'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::cdk-hnb659fds-assets-<AWS::AccountId>-<AWS::Region>/*]':
    'the asset bucket of this account; read only',
};

const ACKNOWLEDGED_IN_IMAGE: Readonly<Record<string, string>> = {
  'AwsSolutions-VPC7': 'the machines run for some minutes, with no ingress and no peers',
  'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/EC2InstanceProfileForImageBuilder]':
    'AWS’s policy for machines that build images',
  'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedInstanceCore]':
    'Image Builder runs its steps by Systems Manager',
};

const acknowledge = (stack: Stack, findings: Readonly<Record<string, string>>): void => {
  for (const [id, reason] of Object.entries(findings)) Validations.of(stack).acknowledge({ id, reason });
};

/** Acknowledges the accepted findings in the stack of a stage. */
export const acknowledgeFindings = (stack: Stack): void => acknowledge(stack, ACKNOWLEDGED);

/** Acknowledges the accepted findings in the stack that builds an image. */
export const acknowledgeImageFindings = (stack: Stack): void => acknowledge(stack, ACKNOWLEDGED_IN_IMAGE);
