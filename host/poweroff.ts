/** What `systemctl poweroff` is on a real machine: the instance stops. `node host/poweroff.ts <instance id>` */
import { EC2Client, StopInstancesCommand } from '@aws-sdk/client-ec2';

const [, , instanceId = ''] = process.argv;
await new EC2Client().send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
