// A bot that knows nothing of the sandbox, on Slack's own client for Node: a command, a button and a form.
const { App } = require('@slack/bolt');
const { SLACK_API_URL, SLACK_APP_TOKEN, SLACK_BOT_TOKEN } = process.env;
const app = new App({
  socketMode: true, appToken: SLACK_APP_TOKEN, token: SLACK_BOT_TOKEN, clientOptions: { slackApiUrl: SLACK_API_URL },
});
const plain = text => ({ type: 'plain_text', text });

app.command('/greet', ({ ack }) => ack({
  blocks: [{ type: 'actions', block_id: 'a', elements: [{ type: 'button', action_id: 'ask', text: plain('Who are you?') }] }],
}));
app.action('ask', async ({ ack, body, client }) => {
  await ack();
  await client.views.open({
    trigger_id: body.trigger_id,
    view: {
      type: 'modal', callback_id: 'who', title: plain('Who'), submit: plain('Send'), close: plain('Cancel'),
      blocks: [{ type: 'input', block_id: 'name', label: plain('Name'), element: { type: 'plain_text_input', action_id: 'n' } }],
    },
  });
});
app.view('who', async ({ ack, view, body, client }) => {
  const name = view.state.values.name.n.value;
  if (name === '7') return ack({ response_action: 'errors', errors: { name: 'no number' } });
  await ack();
  await client.chat.postMessage({ channel: body.user.id, text: `Hello ${name}` });
});
app.start();
