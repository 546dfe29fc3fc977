// The words of the page in Chinese.

const CHINESE = {
  "JSMS sandbox": "JSMS 沙盒",
  "No SMS is ever sent.": "不会真的发送任何短信。",
  "+1 min": "+1 分钟",
  "+1 h": "+1 小时",
  "+1 day": "+1 天",
  "Go to next text": "到下一条短信",
  "Go to": "时间调到",
  Go: "调整",
  "No texts yet": "还没有短信",
  "Point an Airflow connection of type jsms here, and run a DAG that schedules a text. It appears on this page at once.":
    "把一个 jsms 类型的 Airflow 连接指向这里，再运行一个定时发短信的 DAG，短信会立刻出现在本页。",
  Host: "主机",
  "Login (app key)": "登录名（appKey）",
  "Password (master secret)": "密码（masterSecret）",
  "As JSON, for": "JSON 形式，用于",
  or: "或",
  People: "收件人",
  Schedules: "定时任务",
  "By schedule": "按定时任务",
  "Search by number": "按号码搜索",
  "No such number.": "没有这个号码。",
  "No such schedule.": "没有这个定时任务。",
  "No phone selected": "未选择手机",
  "No text for this number.": "这个号码没有短信。",
  "Select a person to see their phone.": "选择一位收件人，查看其手机。",
  Number: "号码",
  normal: "正常",
  unsubscribed: "已退订",
  invalid: "无效",
  "Next texts": "后续短信",
  "4001 delivered": "4001 发送成功",
  "4002 blacklisted by the carrier": "4002 运营商黑名单",
  "4003 phone off or out of service": "4003 关机或停机",
  "4004 number does not exist": "4004 空号",
  "4005 balance used up": "4005 余量不足",
  "4006 texted too often": "4006 发送超频",
  "4007 call not answered": "4007 未应答",
  "4008 line busy": "4008 用户正忙",
  "4009 phone unreachable": "4009 无法接通",
  "4010 sensitive word": "4010 敏感词拦截",
  "4100 other error": "4100 其他错误",
  Reply: "回复",
  "Send reply": "发送回复",
  "Delete schedule": "删除定时任务",
  Balance: "余量",
  texts: "条",
  Faults: "故障",
  "Held calls": "暂停的调用",
  "Last requests": "最近的请求",
  "None yet.": "还没有。",
  Templates: "模板",
  verification: "验证码",
  notification: "通知",
  marketing: "营销",
  "under review": "审核中",
  rejected: "审核未通过",
  scheduled: "待发送",
  "scheduled for": "定于",
  sent: "已发送",
  undelivered: "未送达",
  cancelled: "已取消",
  "cancelled, was for": "已取消，原定于",
  replaced: "已替换",
  "replaced, was for": "已替换，原定于",
  refused: "被拒绝",
  replied: "回复于",
  modified: "已修改",
  "moved from": "已改期，原定于",
  person: "人",
  people: "人",
  and: "还有",
  more: "项",
  earlier: "条更早的",
  later: "条更晚的",
  now: "现在",
  in: "还剩",
  d: "天",
  "no answer": "无响应",
  "That did not work:": "操作失败：",
  "The sandbox does not respond.": "沙盒没有响应。",
};

let isChinese = navigator.language.startsWith("zh");

/** Return words in the language of the page. */
export function t(words) {
  return isChinese ? (CHINESE[words] ?? words) : words;
}

/** Translate every element with data-t, which keeps its English words. */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-t]")) {
    element.dataset.t ||= element.textContent;
    element.textContent = t(element.dataset.t);
  }
}

/** Translate the page to the other language. */
export function switchLanguage() {
  isChinese = !isChinese;
  translatePage();
}

/** Translate the page to the language of the browser. */
export function translatePage() {
  document.documentElement.lang = isChinese ? "zh-Hans" : "en";
  const button = document.getElementById("language");
  button.textContent = isChinese ? "English" : "中文";
  button.lang = isChinese ? "en" : "zh-Hans";
  translate(document);
}
